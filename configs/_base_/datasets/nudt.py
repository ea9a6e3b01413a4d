# NUDT-SIRST with the pipeline of SimIRSTD, at 256 x 256 pixels.
_base_ = ['./_irstd.py', './_nudt.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
# Paper Sec. 4.1: no augmentation, it degraded the results; the released code still flips.
to_input_size = dict(type='mmirstd.ResizeToSquare', size=_base_.input_size)
train_dataloader.dataset.pipeline = train_pipeline = [
    _base_.load_image, _base_.load_mask_step, _base_.flip_step, to_input_size, _base_.pack_step
]
