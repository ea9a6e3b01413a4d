# RDIAN on SIRST with BasicIRSTD's pipeline, which all networks share. See docs/reference/models.md.
# Its own config is the same.
_base_ = '../rdian/rdian_sirst.py'
