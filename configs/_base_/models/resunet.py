# ResUNet of BasicIRSTD; the original reads one channel. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.ResUNet', in_channels=1),
    decode_head=dict(
        type='mmirstd.IRSTDHead',
        threshold=0.5,
        in_channels=16,
        channels=16,
        loss_decode=dict(type='mmirstd.SoftIoULoss', smooth=1.0, per_image=False)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
