# SimIRSTD, the full model, on MDFA with the paper's values. It starts from random weights, because
# no distilled ones are published with this package. To use yours:
#   --cfg-options model.backbone.backbone.weights=PATH
_base_ = [
    './_base_/models/simirstd.py',
    './_base_/datasets/mdfa.py',
    './_base_/schedules/adamw_150e.py',
    './_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
