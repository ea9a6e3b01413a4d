# RPCANet++ on SIRST with the schedule of its authors. Deviations: docs/reference/models.md.
_base_ = [
    '../_base_/models/rpcanet_pp.py',
    '../_base_/datasets/sirst.py',
    '../_base_/schedules/rpcanet.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.gray_preprocessor)
load_gray = dict(_base_.load_image, channels=1)
train_pipeline = [
    load_gray,
    *_base_.train_steps[:-1],
    dict(type='mmirstd.RandomSymmetry', prob=0.5),
    _base_.train_steps[-1],
]
test_pipeline = [load_gray, *_base_.test_steps]
tta_pipeline = [load_gray, _base_.tta_step]
train_dataloader = dict(batch_size=_base_.batch_size, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

train_cfg = dict(max_epochs=800)  # the authors train twice as long on this set
