# SAM-HQ, ViT-B, without prompts. See docs/reference/sam.md.
# early_channels is the width of the encoder: 768, 1024, 1280 for ViT-B, L, H.
_base_ = './sam.py'

model = dict(
    backbone=dict(early_features=True),
    decode_head=dict(type='mmirstd.SAMHQHead', early_channels=768))
