# RDIAN on IRSTD-1k with BasicIRSTD's pipeline, which all models share. See
# docs/reference/models.md. Its own config is identical.
_base_ = '../rdian/rdian_irstd1k.py'
