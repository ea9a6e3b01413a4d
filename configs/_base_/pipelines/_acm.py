# ACM's augmentation by its authors (open-acm), in their order.
_base_ = '../datasets/_irstd.py'

crop_size = (480, 480)
resize = dict(_base_.resize, size=512)

train_pipeline = [
    _base_.load_image,
    _base_.load_mask_step,
    _base_.flip_step,
    dict(type='mmirstd.RandomLongSide', sides=(256, 1024)),  # half to twice the base size of 512
    dict(type='mmirstd.PadToSize', size=480, image_pad=0),  # black
    dict(type='RandomCrop', crop_size=crop_size),  # both axes drawn independently
    dict(type='mmirstd.RandomGaussianBlur', prob=0.5, max_radius=1.0),
    _base_.pack_step,
]
test_pipeline = [_base_.load_image, _base_.load_mask_step, resize, _base_.pack_step]
tta_steps = [_base_.views, [_base_.load_mask_step], [resize], [_base_.pack_step]]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=tta_steps)]

data_preprocessor = dict(size=crop_size)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
