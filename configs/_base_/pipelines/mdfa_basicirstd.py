# MDFA with the pipeline of BasicIRSTD.
_base_ = ['../datasets/mdfa.py', './_basicirstd.py']

data_preprocessor = dict(
    _base_.gray_preprocessor, _delete_=True, mean=[_base_.gray_mean], std=[_base_.gray_std])
load_gray = dict(_base_.load_image, channels=1)
patch = dict(_base_.patch, image_pad=_base_.gray_mean)
train_pipeline = [load_gray, _base_.load_mask, patch, _base_.symmetry, _base_.pack]
test_pipeline = [load_gray, *_base_.test_steps]
tta_pipeline = [load_gray, _base_.tta_step]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
