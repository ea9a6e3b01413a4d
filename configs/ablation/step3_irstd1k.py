# Roadmap step 3 on IRSTD-1k: + early decoding after the FPN.
_base_ = './step2_irstd1k.py'

model = dict(neck=dict(early_decoding=True))
