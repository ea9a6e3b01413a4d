# SimIRSTD lite (our design, not the paper's) on SIRST; trained from random weights.
_base_ = [
    './_base_/models/simirstd_lite.py',
    './_base_/datasets/sirst.py',
    './_base_/schedules/adamw_150e.py',
    './_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
# Narrow models from random weights need larger steps than fine-tuning a distilled backbone.
optim_wrapper = dict(optimizer=dict(lr=5e-4), clip_grad=dict(max_norm=0.1, norm_type=2))
