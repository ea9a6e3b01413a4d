# HDNet on SIRST with the schedule of MSHNet, since that of its authors is
# unknown. Deviations: docs/reference/models.md.
_base_ = [
    '../_base_/models/hdnet.py',
    '../_base_/pipelines/sirst_dnanet.py',
    '../_base_/schedules/mshnet.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(batch_size=_base_.batch_size)
