# The pipeline and the schedule of BasicIRSTD, which trains all models alike: one gray channel,
# patches of 256 at native scale, the eight symmetries of the square, one loss, Adam.
_base_ = './adam_400e.py'

crop_size = (256, 256)

# A config fills in mean and standard deviation of its dataset. Padding is 0 after normalisation.
gray_preprocessor = dict(
    type='SegDataPreProcessor',
    size=crop_size,
    pad_val=0,
    seg_pad_val=0,
    test_cfg=dict(size_divisor=32))

# After the loader of the dataset's base config.
load_mask = dict(type='mmirstd.LoadMask')
# A config fills in image_pad, the dataset's mean. may_miss_by_one is a flaw of the original: the
# corner of a patch around a target pixel may be so that the pixel is just outside.
patch = dict(type='mmirstd.RandomTargetCrop', size=256, target_prob=0.5, may_miss_by_one=True)
symmetry = dict(type='mmirstd.RandomSymmetry', prob=0.5)
pack = dict(type='PackSegInputs')
# At the native size.
test_steps = [load_mask, pack]
tta_step = dict(
    type='TestTimeAug',
    transforms=[
        [
            dict(type='RandomFlip', prob=0.0),
            dict(type='RandomFlip', prob=1.0),
        ],
        # After the flip: predictions are flipped back, the ground truth must not be flipped.
        [load_mask],
        [pack],
    ])

# Of every output, all compared with the mask at full size.
pooled_soft_iou = dict(type='mmirstd.SoftIoULoss', smooth=1.0, per_image=False)
