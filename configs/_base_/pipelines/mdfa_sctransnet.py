# MDFA with the pipeline of SCTransNet: BasicIRSTD's with a different sampling of patches.
_base_ = ['./mdfa_basicirstd.py', './_random_patch.py']

random_patch = dict(_base_.random_patch, image_pad=_base_.gray_mean)
train_pipeline = [
    _base_.load_image, _base_.load_mask_step, random_patch, _base_.symmetry, _base_.pack_step
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
