# ACM as its authors released it: U-Net, four blocks per stage. See docs/reference/models.md for the
# variants of other code bases.
# MXNet's MSRAPrelu: normal with variance 2 / (1 + 0.25^2) over the mean of fan-in and fan-out.
init_cfg = dict(
    type='Xavier',
    layer=['Conv2d', 'ConvTranspose2d'],
    gain=1.3720,
    distribution='normal')

model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='mmirstd.ACM',
        in_channels=3,
        blocks=[4, 4, 4],
        init_cfg=init_cfg),
    decode_head=dict(
        type='mmirstd.IRSTDHead',
        threshold=0.5,
        in_channels=16,
        channels=4,
        hidden_conv=True,
        dropout_ratio=0.1,
        align_corners=True,
        init_cfg=init_cfg,
        loss_decode=dict(type='mmirstd.SoftIoULoss', smooth=1.0, per_image=False)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
