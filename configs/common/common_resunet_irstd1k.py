# ResUNet on IRSTD-1k with BasicIRSTD's pipeline, which all models share. See
# docs/reference/models.md. Its own config is identical.
_base_ = '../resunet/resunet_irstd1k.py'
