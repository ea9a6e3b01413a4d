# EfficientSAM-Ti on NUDT-SIRST, fine-tuned without prompts. See docs/reference/sam.md. It starts
# from random weights. To use published ones, convert them first:
#   mmirstd convert efficient-sam SRC DST
#   ... --cfg-options load_from=DST
_base_ = [
    '../_base_/models/efficient_sam.py',
    '../_base_/datasets/nudt.py',
    '../_base_/schedules/adamw_150e_encoder.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
