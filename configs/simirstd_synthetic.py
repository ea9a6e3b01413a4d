# A small full SimIRSTD for the procedural scenes: every part of the model, narrow enough to learn
# on two CPU cores in a few minutes. Used by tools/quickstart.sh.
_base_ = [
    './_base_/models/simirstd.py',
    './_base_/datasets/synthetic.py',
    './_base_/schedules/adamw_20e_cpu.py',
    './_base_/default_runtime.py',
]

width = 48
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        backbone=dict(stem_stride=2, embed_dims=(16, 32, 48, 64), depths=(2, 2, 3, 2)),
        embed_dims=width,
        ffn_dims=128,
        num_heads=4,
        dense_heads=2,
        dense_ffn_dims=32),
    neck=dict(
        in_channels=[16, 32, 48, 64],
        out_channels=width,
        num_heads=4,
        ffn_dims=128,
        norm_groups=8,
        dropout=0.0),  # half a million parameters do not overfit in so few epochs
    decode_head=dict(
        in_channels=width,
        num_heads=4,
        mlp_dims=128,
        upscale_dims=(24, 16),
        loss_decode=dict(num_points=None)))  # an image has hardly more pixels than points

train_cfg = dict(max_epochs=8)
