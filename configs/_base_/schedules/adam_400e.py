# The common schedule for comparisons, after BasicIRSTD: Adam at 5e-4, divided by ten after epochs
# 200 and 300.
#
# For another length: --cfg-options train_cfg.max_epochs=N param_scheduler.0.milestones=...
_base_ = './_loops.py'

batch_size = 16

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = [dict(type='MultiStepLR', milestones=[200, 300], gamma=0.1)]

train_cfg = dict(max_epochs=400)
