# SCTransNet; the original reads one channel. See docs/networks.md.
model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='mmirstd.SCTransNet',
        in_channels=1,
        init_cfg=dict(type='Kaiming', layer='Conv2d', a=0, mode='fan_in')),
    decode_head=dict(
        type='mmirstd.SideFusionHead',
        threshold=0.5,
        # The order of the fusing convolution; the last map gives the prediction.
        in_channels=[32, 64, 128, 256, 32],
        in_index=[3, 2, 1, 0, 4],
        predict_fusion=False,
        align_corners=True,
        # The sum of six binary cross entropies.
        loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True, loss_name='loss_bce')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
