# MDFA with the pipeline of SimIRSTD, at 128 x 128 pixels.
_base_ = ['./_irstd_128.py', './_mdfa.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
train_dataloader.batch_size = 32  # released code; the paper does not say
