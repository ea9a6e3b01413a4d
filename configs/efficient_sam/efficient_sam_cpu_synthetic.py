# An EfficientSAM for the procedural scenes, small enough for two CPU cores. It shows that
# everything works together; nothing of it is published or compared.
_base_ = [
    '../_base_/models/efficient_sam.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adamw_20e_cpu.py',
    '../_base_/default_runtime.py',
]

width = 32
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        img_size=256,
        out_channels=width,
        pretrain_size=256,
        embed_dims=48,
        depth=4,
        num_heads=4),
    decode_head=dict(
        in_channels=width,
        decoder=dict(num_heads=4, mlp_dims=128)))
