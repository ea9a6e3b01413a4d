# Multi-scale patch-based contrast (MPCM), training-free. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.LocalContrast', patches=[3, 5, 7, 9]),
    decode_head=dict(type='mmirstd.ClassicalHead', threshold=0.5),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
