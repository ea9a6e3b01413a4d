# The plain residual U-Net on SIRST, NUDT-SIRST and IRSTD-1k together.
_base_ = [
    '../_base_/models/light_unet.py',
    '../_base_/datasets/sirst3.py',
    '../_base_/schedules/adamw_wsd_cpu.py',
    '../_base_/default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
default_hooks = dict(checkpoint=dict(interval=1, save_best='irstd/mean_IoU'))
