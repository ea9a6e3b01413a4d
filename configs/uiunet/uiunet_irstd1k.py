# UIU-Net on IRSTD-1k with the schedule of its authors. Deviations: docs/reference/models.md.
_base_ = [
    '../_base_/models/uiunet.py',
    '../_base_/datasets/irstd1k.py',
    '../_base_/schedules/uiunet.py',
    '../_base_/default_runtime.py',
]

# The statistics of the red channel for all three, as in the original.
model = dict(
    data_preprocessor=dict(
        _base_.data_preprocessor, mean=[123.675] * 3, std=[58.395] * 3, size=_base_.crop_size))
train_pipeline = [_base_.load_image, *_base_.train_steps]
test_pipeline = [_base_.load_image, *_base_.test_steps]
tta_pipeline = [_base_.load_image, _base_.tta_step]
train_dataloader = dict(batch_size=_base_.batch_size, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
