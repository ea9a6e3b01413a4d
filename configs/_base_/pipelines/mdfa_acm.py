# MDFA with the pipeline of ACM.
_base_ = ['../datasets/mdfa.py', './_acm.py']

data_preprocessor = dict(size=_base_.crop_size)
train_pipeline = [_base_.load_image, *_base_.train_steps]
test_pipeline = [_base_.load_image, *_base_.test_steps]
tta_pipeline = [_base_.load_image, _base_.tta_step]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
