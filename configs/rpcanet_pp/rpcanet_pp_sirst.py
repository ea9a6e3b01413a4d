# RPCANet++ on SIRST with the schedule of its authors. Deviations: docs/reference/models.md.
_base_ = '../rpcanet/rpcanet_sirst.py'

model = dict(backbone=dict(type='mmirstd.RPCANetPlusPlus'))
