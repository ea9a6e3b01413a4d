# NUDT-SIRST with the pipeline of DNANet.
_base_ = ['../datasets/_nudt.py', './_dnanet.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
