# RPCANet++ with six stages; the original reads one channel. See docs/reference/models.md.
_base_ = './rpcanet.py'

model = dict(backbone=dict(type='mmirstd.RPCANetPlusPlus'))
