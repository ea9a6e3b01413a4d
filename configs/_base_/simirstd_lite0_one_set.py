# SimIRSTD tiny on EfficientNet-Lite0 for one dataset of the joint config, which the inheriting
# config chooses.
_base_ = [
    './models/simirstd_lite0.py',
    './datasets/sirst3.py',
    './schedules/adamw_wsd_cpu.py',
    './default_runtime.py',
]

model = dict(data_preprocessor=_base_.data_preprocessor)
train_dataloader = dict(batch_size=8)
val_evaluator = test_evaluator = dict(per_dataset=False)
