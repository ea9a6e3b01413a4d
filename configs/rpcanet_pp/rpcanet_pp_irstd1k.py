# RPCANet++ on IRSTD-1k with the schedule of its authors. Deviations: docs/reference/models.md.
_base_ = '../rpcanet/rpcanet_irstd1k.py'

model = dict(backbone=dict(type='mmirstd.RPCANetPlusPlus'))
