# DNANet, ResNet-18 flavour with three input channels. See docs/reference/models.md.
# Biases stay as PyTorch draws them.
init_cfg = dict(
    type='mmirstd.WeightsOnly',
    init=dict(type='Xavier', layer='Conv2d', distribution='normal'))

model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='mmirstd.DNANet',
        in_channels=3,
        init_cfg=init_cfg),
    decode_head=dict(
        type='mmirstd.IRSTDHead',
        threshold=0.5,
        in_channels=[16, 16, 16, 16],
        channels=16,
        output_weights=[0.25, 0.25, 0.25, 0.25],  # the mean over the four outputs
        align_corners=True,
        loss_decode=dict(type='mmirstd.SoftIoULoss', smooth=1.0, per_image=False),
        init_cfg=init_cfg),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
