# The complete query design on a stock Swin-T.
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
        backbone=dict(
            type='SwinTransformer',
            embed_dims=96,
            depths=(2, 2, 6, 2),
            num_heads=(3, 6, 12, 24),
            window_size=7)),
    neck=dict(
        type='mmirstd.QueryFPN',
        in_channels=[96, 192, 384, 768],
        num_encoder_queries=4,
        early_decoding=True),
    decode_head=dict(type='mmirstd.SimIRSTDHead', num_prompt_queries=8, dense_prompt=True))
