# IRSTD-1k with the pipeline of RPCANet.
_base_ = ['../datasets/_irstd1k.py', './_rpcanet.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
