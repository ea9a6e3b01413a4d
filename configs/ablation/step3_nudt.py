# Roadmap step 3 on NUDT-SIRST: + early decoding after the FPN.
_base_ = './step2_nudt.py'

model = dict(neck=dict(early_decoding=True))
