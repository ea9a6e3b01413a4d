# SIRST with the pipeline of AGPCNet.
_base_ = ['../datasets/_sirst.py', './_square.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
