# A MobileSAM for the procedural scenes, small enough for two CPU cores. It shows that
# everything works together; nothing of it is published or compared.
_base_ = [
    '../_base_/models/mobile_sam.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adamw_150e.py',
    '../_base_/default_runtime.py',
]

width = 32
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        img_size=256,
        out_channels=width,
        embed_dims=(16, 24, 32, 48),
        depths=(1, 1, 2, 1),
        num_heads=(1, 2, 2, 4)),
    decode_head=dict(
        in_channels=width,
        decoder=dict(num_heads=4, mlp_dims=128)))

# Random weights and few iterations: a larger step and a looser gradient norm than fine-tuning.
max_epochs = 20
optim_wrapper = dict(
    optimizer=dict(lr=2e-3, weight_decay=0.01), clip_grad=dict(max_norm=1.0, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=10),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        T_max=max_epochs,
        begin=0,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=max_epochs)
