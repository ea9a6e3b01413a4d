# BasicIRSTD's ALCNet: one channel, no local contrast. See docs/reference/models.md.
_base_ = './resunet.py'

model = dict(
    backbone=dict(type='mmirstd.ALCNet'),
    decode_head=dict(
        in_channels=8, channels=2, hidden_conv=True, dropout_ratio=0.1, align_corners=False))
