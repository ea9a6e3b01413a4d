# U-Net on IRSTD-1k with BasicIRSTD's pipeline, which all models share. See
# docs/reference/models.md. Its own config is identical.
_base_ = '../unet/unet_irstd1k.py'
