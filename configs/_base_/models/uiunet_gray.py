# UIU-Net as BasicIRSTD trains all models: one channel, one loss. See docs/reference/models.md.
_base_ = ['./uiunet.py', './_pooled_soft_iou.py']

model = dict(
    backbone=dict(in_channels=1),
    # The mean over the seven outputs.
    decode_head=dict(loss_decode=_base_.pooled_soft_iou, output_weights=[1 / 7] * 7))
