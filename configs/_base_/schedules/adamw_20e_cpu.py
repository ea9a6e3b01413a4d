# From random weights on two CPU cores in a few minutes: a larger step and a looser gradient norm
# than fine-tuning, and few epochs.
_base_ = './adamw_150e.py'

max_epochs = 20
optim_wrapper = dict(
    optimizer=dict(lr=2e-3, weight_decay=0.01), clip_grad=dict(max_norm=1.0, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=10),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        T_max=max_epochs,
        begin=0,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=max_epochs)
