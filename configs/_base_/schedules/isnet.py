# Training of ISNet by its authors. The configs use the augmentation of ACM instead of their
# albumentations pipeline.
_base_ = './acm.py'

batch_size = 12
max_epochs = 3000
# The rate goes down and up again every 30 epochs: the original steps past T_max.
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=30, eta_min=0, begin=0, end=max_epochs, by_epoch=True)
]
train_cfg = dict(max_epochs=max_epochs)
