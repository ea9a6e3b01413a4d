# NUDT-SIRST with the pipeline of RPCANet.
_base_ = ['../datasets/_nudt.py', './_rpcanet.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
