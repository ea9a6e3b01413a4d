# SAM-HQ TinyViT on SIRST, fine-tuned without prompts. See docs/reference/sam.md. It starts from
# random weights. To use published ones, convert them first:
#   mmirstd convert sam-hq SRC DST \
#     --config sam_hq_vit_tiny_sirst
#   ... --cfg-options load_from=DST
_base_ = [
    '../_base_/models/sam_hq.py',
    '../_base_/datasets/sirst.py',
    '../_base_/schedules/adamw_150e_encoder.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        _delete_=True, type='mmirstd.MobileSAMTinyViT', img_size=1024, early_features=True),
    decode_head=dict(early_channels=160))
