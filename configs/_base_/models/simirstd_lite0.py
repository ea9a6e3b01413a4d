# SimIRSTD tiny with another encoder: EfficientNet-Lite0, whose ImageNet weights are in a Python
# package (extra `lite0`), instead of its own residual stages. Our own design, not in the paper, to
# test on a CPU whether visible-light pre-training helps on infrared images.
_base_ = './simirstd_tiny.py'

stages = [24, 40, 112, 320]
model = dict(
    backbone=dict(
        backbone=dict(
            _delete_=True,
            type='mmirstd.EfficientNetLite0',
            stem_stride=1,
            in_channels=1,
            weights=None)),
    neck=dict(in_channels=stages))
