# Common part of the IRSTD datasets of 128 x 128 pixels, which are only resized and flipped.
_base_ = './_irstd.py'

input_size = 128
to_input_size = dict(type='mmirstd.ResizeToSquare', size=input_size)
resize = dict(_base_.resize, size=input_size)

train_pipeline = [
    _base_.load_image, _base_.load_mask_step, _base_.flip_step, to_input_size, _base_.pack_step
]
test_pipeline = [_base_.load_image, _base_.load_mask_step, resize, _base_.pack_step]
tta_steps = [_base_.views, [_base_.load_mask_step], [resize], [_base_.pack_step]]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=tta_steps)]

data_preprocessor = dict(size=(input_size, input_size))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
