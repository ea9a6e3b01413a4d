# Semantic-SAM with Swin-T, one box around the image as prompt. See docs/reference/semantic_sam.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.SemanticSAMSwin', arch='tiny', img_size=1024),
    decode_head=dict(
        type='mmirstd.SemanticSAMHead',
        in_channels=[96, 192, 384, 768],
        threshold=0.5,
        prompt='full_box',  # or 'learned'
        loss_decode=dict(type='mmirstd.PointMaskLoss')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
