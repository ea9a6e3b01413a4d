# SAM ViT-H on SIRST, fine-tuned without prompts. See docs/reference/sam.md. It starts from random
# weights. To use published ones, convert them first:
#   mmirstd convert sam SRC DST \
#     --config sam_vit_h_sirst
#   ... --cfg-options load_from=DST
_base_ = [
    '../_base_/models/sam.py',
    '../_base_/datasets/sirst.py',
    '../_base_/schedules/adamw_150e_encoder.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(arch='huge'))
