# Max-median filter on SIRST: for testing only, there is nothing to train.
_base_ = [
    '../_base_/models/maxmedian.py',
    '../_base_/datasets/sirst.py',
    '../_base_/schedules/test_only.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = None
