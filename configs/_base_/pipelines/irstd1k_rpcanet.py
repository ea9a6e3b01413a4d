# IRSTD-1k with the pipeline of RPCANet.
_base_ = ['../datasets/irstd1k.py', './_rpcanet.py']

data_preprocessor = dict(_base_.gray_preprocessor, _delete_=True)
load_gray = dict(_base_.load_image, channels=1)
train_pipeline = [load_gray, *_base_.train_steps]
test_pipeline = [load_gray, *_base_.test_steps]
tta_pipeline = [load_gray, _base_.tta_step]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
