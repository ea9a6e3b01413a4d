# DNANet, ResNet-18 flavour with three input channels. See docs/networks.md.
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
    backbone=dict(
        type='mmirstd.DNANet',
        in_channels=3,
        init_cfg=dict(type='Xavier', layer='Conv2d', distribution='normal')),
    decode_head=dict(
        type='mmirstd.IRSTDHead',
        in_channels=[16, 16, 16, 16],
        channels=16,
        output_weights=[0.25, 0.25, 0.25, 0.25],  # the mean over the four outputs
        align_corners=True,
        loss_decode=dict(type='mmirstd.SoftIoULoss', smooth=1.0, per_image=False),
        init_cfg=dict(type='Xavier', layer='Conv2d', distribution='normal')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
