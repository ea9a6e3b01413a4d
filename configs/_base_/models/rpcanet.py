# RPCANet; the original reads one channel. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='mmirstd.RPCANet',
        in_channels=1,
        init_cfg=dict(type='Xavier', layer='Conv2d', distribution='normal')),
    decode_head=dict(
        type='mmirstd.DecompositionHead',
        threshold=0.5,
        rebuild_weight=0.01,
        loss_decode=dict(type='mmirstd.SoftIoULoss', smooth=1.0, per_image=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
