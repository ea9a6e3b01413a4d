# Common loops of the schedules: validation after every fifth epoch.
_base_ = './test_only.py'

optim_wrapper = dict(type='OptimWrapper')
train_cfg = dict(type='EpochBasedTrainLoop', val_interval=5)
