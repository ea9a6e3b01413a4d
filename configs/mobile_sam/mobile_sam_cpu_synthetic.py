# A MobileSAM for the procedural scenes, small enough for two CPU cores. It shows that everything
# works together, but it is not a published model.
_base_ = [
    '../_base_/models/mobile_sam.py',
    '../_base_/models/_narrow_sam.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adamw_20e_cpu.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        img_size=256,
        out_channels=_base_.width,
        embed_dims=(16, 24, 32, 48),
        depths=(1, 1, 2, 1),
        num_heads=(1, 2, 2, 4)),
    decode_head=_base_.narrow_head)
