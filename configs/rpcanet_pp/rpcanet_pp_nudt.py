# RPCANet++ on NUDT-SIRST with the schedule of its authors. Deviations: docs/reference/models.md.
_base_ = '../rpcanet/rpcanet_nudt.py'

model = dict(backbone=dict(type='mmirstd.RPCANetPlusPlus'))
