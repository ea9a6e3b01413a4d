# A Semantic-SAM for the procedural scenes, small enough for two CPU cores. It shows that
# everything works together; nothing of it is published or compared.
_base_ = [
    '../_base_/models/semantic_sam.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adamw_150e.py',
    '../_base_/default_runtime.py',
]

channels = [16, 32, 64, 128]
sizes = dict(num_heads=4, ffn_dims=128)
model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        img_size=256,
        embed_dims=channels[0],
        depths=(1, 1, 2, 1),
        num_heads=(1, 2, 4, 4),
        drop_path_rate=0.0),
    decode_head=dict(
        in_channels=channels,
        pixel_decoder=dict(embed_dims=32, num_layers=2, norm_groups=8, **sizes),
        mask_decoder=dict(num_layers=3, **sizes),
        # The masks have 64 x 64 pixels.
        loss_decode=dict(num_points=2048)))

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
