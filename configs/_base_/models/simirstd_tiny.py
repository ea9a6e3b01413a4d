# SimIRSTD tiny, our own design: the complete query design at 1.5 GMACs, small enough for a camera.
# Not in the paper. Encoder: residual stages at strides 1 to 16 instead of RepViT, whose first
# block has 64 channels at full resolution.
_base_ = './_joint_loss.py'

width = 16
stages = [16, 32, 32, 64]
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor'),  # the config fills in its dataset's
    backbone=dict(
        type='mmirstd.QueryEncoder',
        backbone=dict(
            type='mmirstd.StrideOneResNet', in_channels=1, channels=stages, blocks=(1, 1, 1, 1)),
        embed_dims=width,
        num_queries=4,
        num_heads=2,
        ffn_dims=64,
        dense_dims=8,
        dense_heads=2,
        dense_ffn_dims=16,
        dense_points=2,
        early_decoding=True,
        in_channels=1),
    neck=dict(
        type='mmirstd.QueryFPN',
        in_channels=stages,
        out_channels=width,
        num_queries=4,
        num_encoder_queries=4,
        num_heads=2,
        ffn_dims=64,
        dropout=0.0,
        norm_groups=4,
        early_decoding=True),
    decode_head=dict(
        type='mmirstd.SimIRSTDHead',
        in_channels=width,
        num_prompt_queries=8,
        dense_prompt=True,
        depth=1,
        num_heads=2,
        mlp_dims=64,
        attention_downsample=1,
        upscale_dims=(16, 8),
        loss_decode=_base_.joint_loss),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
