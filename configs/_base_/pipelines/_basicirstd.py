# BasicIRSTD's pipeline, which is the same for all models: one gray channel, patches of 256 at
# native scale, the eight symmetries of the square. Test images keep their size.
_base_ = '../datasets/_irstd.py'

load_image = dict(_base_.load_image, channels=1)
# may_miss_by_one is a flaw of the original: the corner of a patch around a target pixel may be so
# that the pixel is just outside. The config of a dataset sets image_pad to its mean.
patch = dict(type='mmirstd.RandomTargetCrop', size=256, target_prob=0.5, may_miss_by_one=True)
symmetry = dict(type='mmirstd.RandomSymmetry', prob=0.5)

test_pipeline = [load_image, _base_.load_mask_step, _base_.pack_step]
tta_steps = [_base_.views, [_base_.load_mask_step], [_base_.pack_step]]
tta_pipeline = [load_image, dict(type='TestTimeAug', transforms=tta_steps)]

# The config of a dataset fills in its mean and std. Padding is 0 after normalisation.
data_preprocessor = dict(
    _delete_=True,
    type='SegDataPreProcessor',
    size=(256, 256),
    pad_val=0,
    seg_pad_val=0,
    test_cfg=dict(size_divisor=32))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
