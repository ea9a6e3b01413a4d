# ACM on SIRST, NUDT-SIRST and IRSTD-1k together, trained as light_unet_sirst3 is.
_base_ = [
    '../_base_/models/acm_gray.py',
    '../_base_/models/_joint_loss.py',
    '../_base_/datasets/sirst3.py',
    '../_base_/schedules/adamw_wsd_cpu.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(target_prior=0.01, loss_decode=_base_.joint_loss))
default_hooks = dict(checkpoint=dict(interval=1, save_best='irstd/mean_IoU'))
