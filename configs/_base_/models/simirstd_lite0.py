# SimIRSTD tiny with another encoder: EfficientNet-Lite0, whose ImageNet weights come with a package
# (extra `lite0`), instead of residual stages of its own. Our own design, not in the paper; made to
# ask the paper's question on a CPU: does visible-light pre-training help on infrared images?
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
