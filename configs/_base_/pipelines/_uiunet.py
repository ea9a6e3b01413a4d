# UIU-Net's augmentation by its authors. Every image is divided by its maximum.
_base_ = '../datasets/_irstd.py'

crop_size = (288, 288)
divide = dict(type='mmirstd.DivideByMaximum')
resize = dict(_base_.resize, size=320)

train_pipeline = [
    _base_.load_image,
    _base_.load_mask_step,
    divide,
    dict(type='mmirstd.ResizeToSquare', size=320),
    dict(type='RandomCrop', crop_size=crop_size),
    _base_.flip_step,
    _base_.pack_step,
]
test_pipeline = [_base_.load_image, _base_.load_mask_step, divide, resize, _base_.pack_step]
tta_steps = [_base_.views, [_base_.load_mask_step], [divide], [resize], [_base_.pack_step]]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=tta_steps)]

# The statistics of the red channel for all three, as in the original.
data_preprocessor = dict(mean=[123.675] * 3, std=[58.395] * 3, size=crop_size)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
