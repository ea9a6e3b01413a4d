# SCTransNet on MDFA with the schedule of its authors. Deviations: docs/reference/models.md.
_base_ = [
    '../_base_/models/sctransnet.py',
    '../_base_/pipelines/mdfa_sctransnet.py',
    '../_base_/schedules/sctransnet.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(batch_size=_base_.batch_size)
