# MDFA with the pipeline of UIU-Net.
_base_ = ['../datasets/_mdfa.py', './_uiunet.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
