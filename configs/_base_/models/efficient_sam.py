# EfficientSAM-Ti, without prompts. See docs/reference/sam.md.
_base_ = './sam.py'

model = dict(
    backbone=dict(type='mmirstd.EfficientSAMViT', arch='tiny'),
    decode_head=dict(type='mmirstd.EfficientSAMHead'))  # prompt 'none': six invalid points
