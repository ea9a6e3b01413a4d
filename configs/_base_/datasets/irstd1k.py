# IRSTD-1k with the pipeline of SimIRSTD, at 512 x 512 pixels.
_base_ = ['./_irstd_512.py', './_irstd1k.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
