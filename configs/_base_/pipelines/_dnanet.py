# DNANet's augmentation by its authors: that of ACM at half the size.
_base_ = './_acm.py'

crop_size = (256, 256)
resize_for_test = dict(_base_.resize_for_test, size=256)

load_mask, flip, _, _, _, *others = _base_.train_steps
train_steps = [
    load_mask,
    flip,
    dict(type='mmirstd.RandomLongSide', sides=(128, 512)),
    dict(type='mmirstd.PadToSize', size=256, image_pad=0),
    dict(type='RandomCrop', crop_size=crop_size),
    *others,
]
test_steps = [_base_.load_mask, resize_for_test, _base_.pack]
tta_step = dict(transforms=[_base_.flips, [_base_.load_mask], [resize_for_test], [_base_.pack]])
