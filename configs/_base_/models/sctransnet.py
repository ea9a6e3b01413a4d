# SCTransNet; the original reads one channel. See docs/reference/models.md.
init_cfg = [
    # Biases of convolutions stay as PyTorch draws them.
    dict(
        type='mmirstd.WeightsOnly',
        init=dict(type='Kaiming', layer=['Conv2d', 'Linear'], a=0, mode='fan_in')),
    dict(type='Normal', layer='BatchNorm2d', mean=1, std=0.02, bias=0),
]

model = dict(
    type='EncoderDecoder',
    backbone=dict(
        type='mmirstd.SCTransNet',
        in_channels=1,
        init_cfg=init_cfg),
    decode_head=dict(
        type='mmirstd.SideFusionHead',
        threshold=0.5,
        # The order of the fusing convolution; the last map gives the prediction.
        in_channels=[32, 64, 128, 256, 32],
        in_index=[3, 2, 1, 0, 4],
        predict_fusion=False,
        init_cfg=init_cfg,
        align_corners=True,
        # The sum of six binary cross entropies.
        loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True, loss_name='loss_bce')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
