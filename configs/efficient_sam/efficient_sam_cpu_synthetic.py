# An EfficientSAM for the procedural scenes, small enough for two CPU cores. It shows that
# everything works together, but it is not a published model.
_base_ = [
    '../_base_/models/efficient_sam.py',
    '../_base_/models/_narrow_sam.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adamw_20e_cpu.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=_base_.narrow_vit,
    decode_head=_base_.narrow_head)
