# Roadmap step 6 on MDFA: + early decoding after the image encoder (the paper has no step 5).
_base_ = './step4_mdfa.py'

model = dict(backbone=dict(early_decoding=True))
