# ACM's augmentation by its authors (open-acm), in their order.
_base_ = './_square.py'

crop_size = (480, 480)
resize_for_test = dict(_base_.resize_for_test, size=512)

train_steps = [
    _base_.load_mask,
    _base_.flip,
    dict(type='mmirstd.RandomLongSide', sides=(256, 1024)),  # half to twice the base size of 512
    dict(type='mmirstd.PadToSize', size=480, image_pad=0),  # black
    dict(type='RandomCrop', crop_size=crop_size),  # both axes drawn independently
    dict(type='mmirstd.RandomGaussianBlur', prob=0.5, max_radius=1.0),
    _base_.pack,
]
test_steps = [_base_.load_mask, resize_for_test, _base_.pack]
tta_step = dict(transforms=[_base_.flips, [_base_.load_mask], [resize_for_test], [_base_.pack]])
