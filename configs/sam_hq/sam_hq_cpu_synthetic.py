# A SAM-HQ for the procedural scenes, small enough for two CPU cores. It shows that
# everything works together; nothing of it is published or compared.
_base_ = [
    '../_base_/models/sam_hq.py',
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
        pretrain_size=256,
        embed_dims=48,
        depth=4,
        num_heads=4,
        window_size=7,
        global_blocks=(1, 3)),
    decode_head=dict(
        in_channels=width,
        early_channels=48,
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
