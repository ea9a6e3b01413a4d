# MSHNet with three input channels. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.MSHNet', in_channels=3),
    decode_head=dict(
        type='mmirstd.WarmUpHead',
        threshold=0.5,
        # From the finest map to the deepest, as the fusing convolution expects them.
        in_channels=[16, 32, 64, 128],
        in_index=[3, 2, 1, 0],
        fuse_kernel_size=3,
        native_sides=True,
        align_corners=True,
        output_weights=[0.2, 0.2, 0.2, 0.2, 0.2],  # the mean over the five outputs
        loss_decode=dict(type='mmirstd.SLSIoULoss'),
        warm_up_epochs=6,  # epochs 0 to 5: the authors compare epoch > 5
        loss_warm_up=dict(
            type='mmirstd.SoftIoULoss', smooth=0.0, per_image=True, loss_name='loss_warm_up')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
