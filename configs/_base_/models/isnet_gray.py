# ISNet as BasicIRSTD trains all models: one channel, one loss. See docs/reference/models.md.
_base_ = ['./isnet.py', './_pooled_soft_iou.py']

model = dict(
    backbone=dict(in_channels=1),
    decode_head=dict(loss_decode=_base_.pooled_soft_iou))
