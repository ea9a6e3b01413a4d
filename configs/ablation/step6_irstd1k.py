# Roadmap step 6 on IRSTD-1k: + early decoding after the image encoder (the paper has no step 5).
_base_ = './step4_irstd1k.py'

model = dict(backbone=dict(early_decoding=True))
