# A Semantic-SAM for the procedural scenes, small enough for two CPU cores. It shows that
# everything works together, but it is not a published model.
_base_ = [
    '../_base_/models/semantic_sam.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adamw_20e_cpu.py',
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
