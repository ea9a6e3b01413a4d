# U-Net on NUDT-SIRST with BasicIRSTD's pipeline, which all models share. See
# docs/reference/models.md. Its own config is identical.
_base_ = '../unet/unet_nudt.py'
