# MSHNet with three input channels. See docs/networks.md.
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
    size_divisor=1)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=data_preprocessor,
    backbone=dict(type='mmirstd.MSHNet', in_channels=3),
    decode_head=dict(
        type='mmirstd.SideFusionHead',
        # From the finest map to the deepest, as the fusing convolution expects them.
        in_channels=[16, 32, 64, 128],
        in_index=[3, 2, 1, 0],
        fuse_kernel_size=3,
        native_sides=True,
        align_corners=True,
        output_weights=[0.2, 0.2, 0.2, 0.2, 0.2],  # the mean over the five outputs
        loss_decode=dict(type='mmirstd.SoftIoULoss')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
