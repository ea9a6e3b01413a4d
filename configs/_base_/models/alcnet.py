# ALCNet after the paper; not equal to a released network. See docs/networks.md.
_base_ = './acm.py'

model = dict(backbone=dict(type='mmirstd.ALCNet'), decode_head=dict(align_corners=False))
