# FC3-Net on SIRST, NUDT-SIRST and IRSTD-1k together, trained as light_unet_sirst3 is.
_base_ = ['../_base_/models/fc3net_gray.py', '../_base_/joint_published.py']

model = _base_.joint_model
