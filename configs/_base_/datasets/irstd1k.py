# IRSTD-1k: 1001 images of 512 x 512 pixels.
# The authors' splits: 800 / 201 images; the test split has 297 targets. The paper drops 6 test images
# without naming them (284 targets remain); leave images out with exclude=[...]. A tenth of the
# training split is set aside to select checkpoints (see mmirstd/datasets/splits). To train on the
# whole split as the paper does, set train_dataloader.dataset.split to 'irstd1k/basicirstd_train'
# and report the last (or EMA) weights.
# data_root: the authors' folder or a repack (see mmirstd/datasets/layouts/declared.py).
_base_ = './_irstd.py'

data_root = '{{$MMIRSTD_DATA:data}}/IRSTD-1k'
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
train_dataloader = dict(
    dataset=dict(
        data_root=data_root, split='irstd1k/basicirstd_train_fit', pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(data_root=data_root, split='irstd1k/basicirstd_train_val', pipeline=test_pipeline))
test_dataloader = dict(
    dataset=dict(data_root=data_root, split='irstd1k/basicirstd_test', pipeline=test_pipeline))

# Mean and standard deviation of the gray images over training and test images, as BasicIRSTD
# publishes them: for configs that follow it.
gray_mean = 87.4662
gray_std = 39.7195
