# SAM-HQ, ViT-B, without prompts. See docs/reference/sam.md.
# early_channels is the width of the encoder: 768, 1024, 1280 for ViT-B, L, H.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.SAMViT', arch='base', img_size=1024, early_features=True),
    decode_head=dict(
        type='mmirstd.SAMHQHead',
        early_channels=768,
        threshold=0.5,
        prompt='none',  # or 'full_box', 'learned'
        loss_decode=dict(type='mmirstd.PointMaskLoss')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
