# RPCANet's pipeline by its authors: one channel, divided by 255, without further steps.
_base_ = './_square.py'

load_image = dict(_base_.load_image, channels=1)
train_pipeline = [load_image, *_base_.train_pipeline[1:]]
test_pipeline = [load_image, *_base_.test_pipeline[1:]]
tta_pipeline = [load_image, *_base_.tta_pipeline[1:]]

data_preprocessor = dict(
    _delete_=True,
    type='SegDataPreProcessor',
    size=(256, 256),
    pad_val=0,
    seg_pad_val=255,
    mean=[0],
    std=[255])
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
