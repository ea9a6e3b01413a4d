# SimIRSTD tiny on SIRST, NUDT-SIRST and IRSTD-1k together.
_base_ = [
    '../_base_/models/simirstd_tiny.py',
    '../_base_/datasets/sirst3.py',
    '../_base_/schedules/adamw_wsd_cpu.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
# A step costs several times that of the plain U-Net, so more steps of fewer images.
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(interval=1, save_best='irstd/mean_IoU'))
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='MomentumAnnealingEMA',  # no trace of the random start
        momentum=1e-3,
        gamma=100,
        update_buffers=True,
        priority='ABOVE_NORMAL')
]
