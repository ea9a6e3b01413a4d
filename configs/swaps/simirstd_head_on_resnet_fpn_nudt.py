# Our decoder on a stock ResNet and FPN, without adapter, queries and early masks.
_base_ = [
    '../_base_/datasets/nudt.py',
    '../_base_/schedules/adamw_150e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(type='ResNetV1c', depth=50),
    neck=dict(type='FPN', in_channels=[256, 512, 1024, 2048], out_channels=256, num_outs=4),
    decode_head=dict(type='mmirstd.SimIRSTDHead', in_channels=256, in_index=0))
