# ISNet with modulated deformable convolution. See docs/reference/models.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='mmirstd.ISNet',
        in_channels=3,
        init_cfg=dict(type='Normal', layer='Conv2d', std=0.02)),
    decode_head=dict(
        type='mmirstd.EdgeSupervisedHead',
        threshold=0.5,
        in_channels=16,
        channels=4,
        hidden_conv=True,
        dropout_ratio=0.1,
        loss_decode=dict(type='mmirstd.SoftIoULoss', smooth=0.0, per_image=True),
        loss_edge=dict(type='mmirstd.EdgeLoss', bce_weight=10.0, iou_weight=1.0, smooth=1.0),
        init_cfg=dict(type='Normal', layer='Conv2d', std=0.02)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
