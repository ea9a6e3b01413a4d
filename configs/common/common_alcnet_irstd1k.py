# ALCNet on IRSTD-1k with BasicIRSTD's pipeline, which all models share. See
# docs/reference/models.md. Its own config is identical.
_base_ = '../alcnet/alcnet_irstd1k.py'
