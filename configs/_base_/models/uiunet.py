# UIU-Net with three input channels. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.UIUNet', in_channels=3),
    decode_head=dict(
        type='mmirstd.SideFusionHead',
        threshold=0.5,
        # The order of the fusing convolution: from the finest map to the deepest.
        in_channels=[64, 64, 128, 256, 512, 512],
        in_index=[5, 4, 3, 2, 1, 0],
        side_kernel_size=3,
        # The sum of seven binary cross entropies.
        loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True, loss_name='loss_bce')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
