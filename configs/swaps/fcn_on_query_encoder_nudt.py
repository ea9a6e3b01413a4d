# A stock FCNHead on our encoder. Stock heads do not use queries, so the encoder does not decode an
# early mask.
_base_ = [
    '../_base_/datasets/nudt.py',
    '../_base_/schedules/adamw_150e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='EncoderDecoder',
    data_preprocessor=_base_.data_preprocessor,
    backbone=dict(
        type='mmirstd.QueryEncoder',
        backbone=dict(type='mmirstd.RepViT', arch='repvit_m1_1', stem_stride=1),
        early_decoding=False),
    decode_head=dict(
        type='FCNHead',
        in_channels=[64, 128, 256, 512],
        in_index=[0, 1, 2, 3],
        input_transform='resize_concat',
        channels=64,
        num_convs=1,
        num_classes=2,
        out_channels=1,  # one logit, as our metric and pictures expect
        threshold=0.5,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True)))
