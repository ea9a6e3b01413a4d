# A plain residual U-Net at strides 1 to 16, our own design, to compare with SimIRSTD tiny.
_base_ = './_joint_loss.py'

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor'),  # the config fills in its dataset's
    backbone=dict(
        type='mmirstd.LightUNet',
        in_channels=1,
        channels=(16, 32, 48, 64, 48),
        blocks=(1, 1, 1, 1, 1),
        decoder_blocks=(1, 1, 1, 1)),
    decode_head=dict(
        type='mmirstd.IRSTDHead',
        in_channels=(64, 48, 32, 16),
        channels=16,
        target_prior=0.01,
        # The prediction counts as much as its three side outputs together.
        output_weights=(1.0, 0.25, 0.25, 0.25),
        loss_decode=_base_.joint_loss),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
