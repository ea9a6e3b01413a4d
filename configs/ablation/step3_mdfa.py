# Roadmap step 3 on MDFA: + early decoding after the FPN.
_base_ = './step2_mdfa.py'

model = dict(neck=dict(early_decoding=True))
