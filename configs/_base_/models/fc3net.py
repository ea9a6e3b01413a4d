# FC3-Net. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.FC3Net', in_channels=3),
    decode_head=dict(
        type='mmirstd.IRSTDHead',
        threshold=0.5,
        in_channels=16,
        channels=4,
        hidden_conv=True,
        dropout_ratio=0.1,
        loss_decode=dict(type='mmirstd.SoftIoULoss', smooth=1.0, per_image=False)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
