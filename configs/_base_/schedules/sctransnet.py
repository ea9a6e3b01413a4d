# Training of SCTransNet by its authors: a higher learning rate and more epochs than BasicIRSTD.
_base_ = './adam_400e.py'

max_epochs = 1000

optim_wrapper = dict(optimizer=dict(lr=1e-3))
# Epoch 0 runs at (nearly) rate 0, epoch 9 at 0.9e-3, epochs 10 and 11 at 1e-3; then a cosine that
# ends just above 1e-5.
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-9, begin=0, end=11, by_epoch=True),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 10,
        eta_min=1e-5,
        begin=11,
        end=max_epochs,
        by_epoch=True)
]
train_cfg = dict(max_epochs=max_epochs)
