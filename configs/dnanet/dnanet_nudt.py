# DNANet on NUDT-SIRST with the schedule of its authors. Deviations: docs/reference/models.md.
_base_ = [
    '../_base_/models/dnanet.py',
    '../_base_/datasets/nudt.py',
    '../_base_/schedules/dnanet.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=dict(_base_.data_preprocessor, size=_base_.crop_size))
train_pipeline = [_base_.load_image, *_base_.train_steps]
test_pipeline = [_base_.load_image, *_base_.test_steps]
tta_pipeline = [_base_.load_image, _base_.tta_step]
train_dataloader = dict(
    batch_size=_base_.batch_size,
    drop_last=_base_.drop_last,
    dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
