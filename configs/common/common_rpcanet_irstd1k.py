# RPCANet on IRSTD-1k with BasicIRSTD's pipeline, which all models share.
# See docs/reference/models.md.
_base_ = [
    '../_base_/models/rpcanet_gray.py',
    '../_base_/pipelines/irstd1k_basicirstd.py',
    '../_base_/schedules/adam_400e.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(batch_size=_base_.batch_size)
