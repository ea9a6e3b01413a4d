# Top-hat, training-free. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.TopHat', size=9),
    decode_head=dict(type='mmirstd.ClassicalHead', threshold=0.5),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
