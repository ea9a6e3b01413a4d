# ISNet on SIRST with the schedule of its authors. Deviations: docs/reference/models.md.
_base_ = [
    '../_base_/models/isnet.py',
    '../_base_/pipelines/sirst_acm.py',
    '../_base_/schedules/isnet.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(batch_size=_base_.batch_size)
