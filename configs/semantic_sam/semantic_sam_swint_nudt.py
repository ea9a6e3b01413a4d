# Semantic-SAM Swin-T on NUDT-SIRST, fine-tuned without a user's prompts. See
# docs/reference/semantic_sam.md. It starts from random weights. To use published ones, convert
# them first:
#   mmirstd convert semantic-sam SRC DST
#   ... --cfg-options load_from=DST
_base_ = [
    '../_base_/models/semantic_sam.py',
    '../_base_/datasets/nudt.py',
    '../_base_/schedules/adamw_150e_encoder.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
