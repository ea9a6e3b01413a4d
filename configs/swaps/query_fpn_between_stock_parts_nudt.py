# Our query FPN between a stock ResNet and a stock FCNHead.
_base_ = [
    '../_base_/datasets/nudt.py',
    '../_base_/schedules/adamw_150e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(type='ResNetV1c', depth=50),
    neck=dict(type='mmirstd.QueryFPN', in_channels=[256, 512, 1024, 2048]),
    decode_head=dict(
        type='FCNHead',
        in_channels=256,
        in_index=0,
        channels=128,
        num_convs=1,
        num_classes=2,
        out_channels=1,
        threshold=0.5,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True)))
