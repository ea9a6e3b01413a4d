# FC3-Net as BasicIRSTD trains all models: one channel. See docs/reference/models.md.
_base_ = './fc3net.py'

model = dict(backbone=dict(in_channels=1))
