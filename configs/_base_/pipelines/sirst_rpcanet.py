# SIRST with the pipeline of RPCANet and the eight symmetries of the square.
_base_ = ['../datasets/_sirst.py', './_rpcanet.py']

train_dataloader, val_dataloader, test_dataloader = _base_.loaders
symmetry = dict(type='mmirstd.RandomSymmetry', prob=0.5)
train_dataloader.dataset.pipeline = train_pipeline = [
    *_base_.train_pipeline[:-1], symmetry, _base_.pack_step
]
