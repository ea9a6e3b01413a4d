# IRSTD-1k with the pipeline of BasicIRSTD.
_base_ = ['../datasets/_irstd1k.py', './_basicirstd.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
data_preprocessor = dict(mean=[_base_.gray_mean], std=[_base_.gray_std])
patch = dict(_base_.patch, image_pad=_base_.gray_mean)
train_dataloader.dataset.pipeline = train_pipeline = [
    _base_.load_image, _base_.load_mask_step, patch, _base_.symmetry, _base_.pack_step
]
