# Trains trained weights on with crops of 256 px, which have as little target and as much background
# as whole images, and with the batch norms' statistics frozen.
# Set load_from to the weights to begin with.
_base_ = './light_unet_sirst3.py'

train_pipeline = _base_.train_pipeline
train_pipeline[1].update(size=256, target_prob=0.5)
train_dataloader = dict(batch_size=4)  # as much work per step as 16 crops of 128 px
for dataset in _base_.train_dataloader.dataset.datasets:
    dataset['pipeline'] = train_pipeline
del dataset
model = dict(data_preprocessor=dict(size=(256, 256)))

max_epochs = 8
warm_up, decay = _base_.param_scheduler
param_scheduler = [
    dict(warm_up, start_factor=0.1, end=50),
    dict(decay, begin=2, end=max_epochs),
]
optim_wrapper = dict(optimizer=dict(lr=3e-4))
train_cfg = dict(max_epochs=max_epochs, val_interval=2)
custom_hooks = _base_.custom_hooks + [dict(type='mmirstd.FrozenNormHook')]
