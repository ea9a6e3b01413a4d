# SIRST with the pipeline of SimIRSTD, at 256 x 256 pixels.
_base_ = ['./_irstd.py', './_sirst.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
