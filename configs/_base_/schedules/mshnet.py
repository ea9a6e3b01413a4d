# Training of MSHNet by its authors: as DNANet, with a different length and batch size.
_base_ = './dnanet.py'

batch_size = 4
max_epochs = 400
param_scheduler = [dict(_base_.param_scheduler[0], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
