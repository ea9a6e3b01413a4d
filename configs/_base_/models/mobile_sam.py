# MobileSAM, TinyViT-5M, without prompts. See docs/reference/sam.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.MobileSAMTinyViT', img_size=1024),
    decode_head=dict(
        type='mmirstd.SAMHead',
        threshold=0.5,
        prompt='none',  # or 'full_box', 'learned'
        loss_decode=dict(type='mmirstd.PointMaskLoss')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
