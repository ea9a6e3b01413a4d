# EfficientSAM-Ti, without prompts. See docs/reference/sam.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.EfficientSAMViT', arch='tiny', img_size=1024),
    decode_head=dict(
        type='mmirstd.EfficientSAMHead',
        threshold=0.5,
        prompt='none',  # six invalid points; or 'full_box', 'learned'
        loss_decode=dict(type='mmirstd.PointMaskLoss')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
