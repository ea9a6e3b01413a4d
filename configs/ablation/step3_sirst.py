# Roadmap step 3 on SIRST: + early decoding after the FPN.
_base_ = './step2_sirst.py'

model = dict(neck=dict(early_decoding=True))
