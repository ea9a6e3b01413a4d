# U-Net of BasicIRSTD; the original reads one channel. See docs/reference/models.md.
_base_ = './resunet.py'

model = dict(
    backbone=dict(type='mmirstd.UNet'),
    decode_head=dict(in_channels=64, channels=64))
