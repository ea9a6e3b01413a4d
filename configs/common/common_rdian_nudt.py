# RDIAN on NUDT-SIRST with the recipe that all networks share. See docs/networks.md.
_base_ = [
    '../_base_/models/rdian.py',
    '../_base_/datasets/nudt.py',
    '../_base_/schedules/adam_400e.py',
    '../_base_/default_runtime.py',
]

# Three equal channels like the other networks, instead of the one of the original.
model = dict(data_preprocessor=_base_.data_preprocessor, backbone=dict(in_channels=3))
train_dataloader = dict(batch_size=_base_.batch_size)
