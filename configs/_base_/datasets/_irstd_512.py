# Common part of the IRSTD datasets of 512 x 512 pixels.
_base_ = './_irstd.py'

input_size = 512  # paper Sec. 4.1
random_scale_crop = dict(_base_.random_scale_crop, size=input_size)
resize = dict(_base_.resize, size=input_size)

train_pipeline = [
    _base_.load_image, _base_.load_mask_step, _base_.flip_step, random_scale_crop, _base_.pack_step
]
test_pipeline = [_base_.load_image, _base_.load_mask_step, resize, _base_.pack_step]
tta_steps = [_base_.views, [_base_.load_mask_step], [resize], [_base_.pack_step]]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=tta_steps)]

data_preprocessor = dict(size=(input_size, input_size))
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
