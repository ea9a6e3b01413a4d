# IRSTD-1k with the pipeline of AGPCNet.
_base_ = ['../datasets/_irstd1k.py', './_square.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
