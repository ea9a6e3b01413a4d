# ALCNet: layers inferred from the published counts, local contrast after the paper. See
# docs/networks.md.
_base_ = './acm.py'

model = dict(
    backbone=dict(type='mmirstd.ALCNet'),
    decode_head=dict(in_channels=8, channels=2, align_corners=False))
