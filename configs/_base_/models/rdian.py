# RDIAN; the original reads one channel. See docs/reference/models.md.
_base_ = './resunet.py'

model = dict(
    backbone=dict(type='mmirstd.RDIAN'),
    decode_head=dict(in_channels=32, channels=8, hidden_conv=True, dropout_ratio=0.1))
