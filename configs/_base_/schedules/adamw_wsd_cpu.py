# Warm-up, a long constant phase, then a linear decay to zero. The constant phase can be extended
# at will, because it does not depend on the total length.
_base_ = './_loops.py'

max_epochs = 140
decay_epochs = 84

optim_wrapper = dict(
    type='AmpOptimWrapper',  # bfloat16 on a CPU
    dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=1.5e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=1.0, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=200),
    dict(
        type='LinearLR',
        start_factor=1.0,
        end_factor=0.01,
        begin=max_epochs - decay_epochs,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=max_epochs)
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='MomentumAnnealingEMA',  # no trace of the random start
        momentum=1e-3,
        gamma=100,
        update_buffers=True,
        priority='ABOVE_NORMAL')
]
