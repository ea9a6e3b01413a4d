# DNANet as BasicIRSTD trains all models: one channel. See docs/reference/models.md.
_base_ = './dnanet.py'

model = dict(backbone=dict(in_channels=1))
