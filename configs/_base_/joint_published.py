# Training on SIRST, NUDT-SIRST and IRSTD-1k together, for published models with IRSTDHead.
_base_ = [
    './models/_joint_loss.py',
    './datasets/sirst3.py',
    './schedules/adamw_wsd_cpu.py',
    './default_runtime.py',
]

# Of the model's own config, these replace what does not fit this training.
joint_model = dict(
    data_preprocessor=_base_.data_preprocessor,
    decode_head=dict(target_prior=0.01, loss_decode=_base_.joint_loss))
default_hooks = dict(checkpoint=dict(interval=1, save_best='irstd/mean_IoU'))
