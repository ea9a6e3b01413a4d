# Training from random weights on two CPU cores in a few minutes: a larger learning rate and
# gradient norm than in fine-tuning, and few epochs.
_base_ = './adamw_150e.py'

optim_wrapper = dict(
    optimizer=dict(lr=2e-3, weight_decay=0.01), clip_grad=dict(max_norm=1.0, norm_type=2))
warm_up, cosine = _base_.param_scheduler
param_scheduler = [warm_up, dict(cosine, eta_min=1e-5)]
train_cfg = dict(max_epochs=20)
