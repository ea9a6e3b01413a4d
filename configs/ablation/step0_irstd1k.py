# Roadmap step 0 on IRSTD-1k: the baseline model (paper Table 2).
_base_ = [
    '../_base_/models/simirstd_baseline.py',
    '../_base_/datasets/irstd1k.py',
    '../_base_/schedules/adamw_150e.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor, backbone=dict(stem_stride=2))
