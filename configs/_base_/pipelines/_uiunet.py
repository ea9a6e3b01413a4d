# UIU-Net's augmentation by its authors. Every image is divided by its maximum.
_base_ = './_square.py'

crop_size = (288, 288)
divide = dict(type='mmirstd.DivideByMaximum')
resize_for_test = dict(_base_.resize_for_test, size=320)

train_steps = [
    _base_.load_mask,
    divide,
    dict(type='mmirstd.ResizeToSquare', size=320),
    dict(type='RandomCrop', crop_size=crop_size),
    _base_.flip,
    _base_.pack,
]
test_steps = [_base_.load_mask, divide, resize_for_test, _base_.pack]
tta_step = dict(
    transforms=[_base_.flips, [_base_.load_mask], [divide], [resize_for_test], [_base_.pack]])

# The statistics of the red channel for all three, as in the original.
mean = [123.675] * 3
std = [58.395] * 3
