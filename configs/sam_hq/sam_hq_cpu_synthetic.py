# A SAM-HQ for the procedural scenes, small enough for two CPU cores. It shows that everything
# works together, but it is not a published model.
_base_ = [
    '../_base_/models/sam_hq.py',
    '../_base_/models/_narrow_sam.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/adamw_20e_cpu.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(_base_.narrow_vit, window_size=7, global_blocks=(1, 3)),
    decode_head=dict(_base_.narrow_head, early_channels=48))
