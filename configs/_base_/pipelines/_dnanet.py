# DNANet's augmentation by its authors: that of ACM at half the size.
_base_ = './_acm.py'

crop_size = (256, 256)
resize = dict(_base_.resize, size=256)

load_image, load_mask, flip, _, _, _, *others = _base_.train_pipeline
train_pipeline = [
    load_image,
    load_mask,
    flip,
    dict(type='mmirstd.RandomLongSide', sides=(128, 512)),
    dict(type='mmirstd.PadToSize', size=256, image_pad=0),
    dict(type='RandomCrop', crop_size=crop_size),
    *others,
]
test_pipeline = [_base_.load_image, _base_.load_mask_step, resize, _base_.pack_step]
tta_steps = [_base_.views, [_base_.load_mask_step], [resize], [_base_.pack_step]]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=tta_steps)]

data_preprocessor = dict(size=crop_size)
train_dataloader = dict(drop_last=True, dataset=dict(pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
