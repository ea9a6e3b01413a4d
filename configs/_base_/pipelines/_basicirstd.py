# BasicIRSTD's pipeline, which trains all models alike: one gray channel, patches of 256 at native
# scale, the eight symmetries of the square. Test images keep their size.
_base_ = './_square.py'

# A config fills in mean and standard deviation of its dataset. Padding is 0 after normalisation.
gray_preprocessor = dict(
    type='SegDataPreProcessor',
    size=_base_.crop_size,
    pad_val=0,
    seg_pad_val=0,
    test_cfg=dict(size_divisor=32))

# image_pad is the dataset's mean. may_miss_by_one is a flaw of the original: the corner of a patch
# around a target pixel may be so that the pixel is just outside.
patch = dict(type='mmirstd.RandomTargetCrop', size=256, target_prob=0.5, may_miss_by_one=True)
symmetry = dict(type='mmirstd.RandomSymmetry', prob=0.5)
test_steps = [_base_.load_mask, _base_.pack]
tta_step = dict(transforms=[_base_.flips, [_base_.load_mask], [_base_.pack]])
