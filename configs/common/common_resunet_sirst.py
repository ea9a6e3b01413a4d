# ResUNet on SIRST with BasicIRSTD's pipeline, which all models share. See
# docs/reference/models.md. Its own config is identical.
_base_ = '../resunet/resunet_sirst.py'
