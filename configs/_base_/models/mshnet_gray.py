# MSHNet as BasicIRSTD trains all models: one channel, one loss. See docs/reference/models.md.
_base_ = ['./mshnet.py', './_pooled_soft_iou.py']

model = dict(
    backbone=dict(in_channels=1),
    # The mean over the five outputs at full size, from the first epoch on.
    decode_head=dict(loss_decode=_base_.pooled_soft_iou, native_sides=False, warm_up_epochs=0))
