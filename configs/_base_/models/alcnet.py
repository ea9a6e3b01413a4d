# ALCNet after the paper; not equal to a released network. See docs/networks.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='mmirstd.ALCNet',
        in_channels=3,
        blocks=[4, 4, 4],
        init_cfg=dict(type='Kaiming', layer='Conv2d', a=0.25, nonlinearity='leaky_relu')),
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
