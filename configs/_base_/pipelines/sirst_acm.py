# SIRST with the pipeline of ACM.
_base_ = ['../datasets/_sirst.py', './_acm.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
