# MobileSAM, TinyViT-5M, without prompts. See docs/reference/sam.md.
_base_ = './sam.py'

model = dict(backbone=dict(_delete_=True, type='mmirstd.MobileSAMTinyViT', img_size=1024))
