# Multi-scale patch-based contrast (MPCM) on MDFA: for testing only, there is nothing to train.
_base_ = [
    '../_base_/models/mpcm.py',
    '../_base_/datasets/mdfa.py',
    '../_base_/schedules/test_only.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = None
