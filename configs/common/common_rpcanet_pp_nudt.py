# RPCANet++ on NUDT-SIRST with BasicIRSTD's pipeline, which all models share. See docs/reference/models.md.
_base_ = [
    '../_base_/models/rpcanet_pp.py',
    '../_base_/datasets/nudt.py',
    '../_base_/schedules/basicirstd.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(
        _base_.gray_preprocessor, mean=[_base_.gray_mean], std=[_base_.gray_std]),
    backbone=dict(in_channels=1),
    decode_head=dict(loss_decode=dict(_base_.pooled_soft_iou, _delete_=True)))
load_gray = dict(_base_.load_image, channels=1)
patch = dict(_base_.patch, image_pad=_base_.gray_mean)
train_pipeline = [load_gray, _base_.load_mask, patch, _base_.symmetry, _base_.pack]
test_pipeline = [load_gray, *_base_.test_steps]
tta_pipeline = [load_gray, _base_.tta_step]
train_dataloader = dict(batch_size=_base_.batch_size, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
