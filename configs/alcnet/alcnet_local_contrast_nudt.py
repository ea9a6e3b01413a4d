# ALCNet on NUDT-SIRST with local contrast, following the idea of the paper. It has no public
# original; the distances are our choice. See docs/reference/models.md.
_base_ = './alcnet_nudt.py'

model = dict(backbone=dict(distances=[13, 17]))
