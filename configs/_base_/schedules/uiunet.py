# Training of UIU-Net by its authors.
_base_ = './acm.py'

batch_size = 3
max_epochs = 500
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-3))
param_scheduler = [dict(_base_.param_scheduler[0], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
