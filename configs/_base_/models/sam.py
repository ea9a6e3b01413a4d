# SAM, ViT-B, without prompts. See docs/reference/sam.md. Images of any size are stretched to
# img_size; a mask has a quarter of that side. Published weights expect 1024; 512 or 256 need
# less memory and resolve less detail.
model = dict(
    type='EncoderDecoder',
    backbone=dict(type='mmirstd.SAMViT', arch='base', img_size=1024),
    decode_head=dict(
        type='mmirstd.SAMHead',
        threshold=0.5,
        prompt='none',  # or 'full_box', 'learned'
        loss_decode=dict(type='mmirstd.PointMaskLoss')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
