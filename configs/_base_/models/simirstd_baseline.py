# Step 0 of the paper's roadmap (Table 2): RepViT-M1.1, plain FPN, modified SAM decoder with one
# decoder query. No distillation, no query design. Steps 1-7 in configs/ablation build on it.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor'),  # the config fills in its dataset's
    backbone=dict(
        type='mmirstd.RepViT',
        arch='repvit_m1_1',
        # Total stride of the patch embedding (Sec. 4.1): 1 on NUDT, SIRST and MDFA, 2 on IRSTD-1k.
        stem_stride=1,
        # None: random weights. 'imagenet' asks timm (network needed); a path loads a distilled
        # backbone (step 1).
        weights=None),
    neck=dict(
        type='mmirstd.QueryFPN',
        in_channels=[64, 128, 256, 512],
        out_channels=256,  # Sec. 4.1: 1x1 convolutions map all stages to 256 channels
        num_queries=0),
    decode_head=dict(
        type='mmirstd.SimIRSTDHead',
        in_channels=256,
        # As SAM's decoder (Sec. 4.1); SAM's values.
        depth=2,
        num_heads=8,
        mlp_dims=2048,
        attention_downsample=2,
        threshold=0.5,
        loss_decode=dict(
            type='mmirstd.PointMaskLoss',
            # Release: 5 and 5. The paper (Sec. 4.1) says BCE + 5 Dice: set bce_weight=1.
            bce_weight=5.0,
            dice_weight=5.0,
            # PointRend's sampling; the paper gives no numbers, these are the release's.
            num_points=12544,
            oversample_ratio=3.0,
            importance_ratio=0.75)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
