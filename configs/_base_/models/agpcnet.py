# AGPCNet (agpcnet_1) with three input channels. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='mmirstd.AGPCNet',
        in_channels=3,
        init_cfg=dict(type='Kaiming', layer='Conv2d', mode='fan_out', nonlinearity='relu')),
    decode_head=dict(
        type='mmirstd.IRSTDHead',
        threshold=0.5,
        in_channels=128,
        channels=32,
        hidden_conv=True,
        hidden_bias=True,
        dropout_ratio=0.1,
        align_corners=True,
        init_cfg=dict(type='Kaiming', layer='Conv2d', mode='fan_out', nonlinearity='relu'),
        loss_decode=dict(type='mmirstd.SoftIoULoss', smooth=1.0, per_image=True)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
