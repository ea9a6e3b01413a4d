# RPCANet++ on SIRST with the schedule of its authors. Deviations: docs/reference/models.md.
_base_ = [
    '../_base_/models/rpcanet_pp.py',
    '../_base_/pipelines/sirst_rpcanet.py',
    '../_base_/schedules/rpcanet.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(batch_size=_base_.batch_size)

train_cfg = dict(max_epochs=800)  # the authors train twice as long on this set
