# Max-median filter, training-free; statistic='mean' makes it the max-mean filter. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.MaxMedian', size=15, statistic='median'),
    decode_head=dict(type='mmirstd.ClassicalHead', threshold=0.5),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
