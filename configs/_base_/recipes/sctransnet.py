# Training of SCTransNet by its authors: patches of 256 at the native scale. Their sampling of
# patches with targets is left out.
crop_size = (256, 256)
batch_size = 16
max_epochs = 1000

# One channel; mean and standard deviation are those of the dataset's gray images.
gray_preprocessor = dict(
    type='SegDataPreProcessor', size=crop_size, pad_val=0, seg_pad_val=255)

# Behind the loader of the dataset's base config.
train_steps = [
    dict(type='mmirstd.LoadMask'),
    # Smaller images are padded by the data preprocessor, the padding is ignored by the loss.
    dict(type='RandomCrop', crop_size=(256, 256)),
    dict(type='RandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
    dict(type='PackSegInputs'),
]
# At the native size; the network pads inside.
test_steps = [
    dict(type='mmirstd.LoadMask'),
    dict(type='PackSegInputs'),
]
tta_step = dict(
    type='TestTimeAug',
    transforms=[
        [
            dict(type='RandomFlip', prob=0.0),
            dict(type='RandomFlip', prob=1.0),
        ],
        # Behind the flip: predictions are flipped back, the truth must not be flipped.
        [dict(type='mmirstd.LoadMask')],
        [dict(type='PackSegInputs')],
    ])

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        eta_min=1e-5,
        begin=0,
        end=max_epochs,
        by_epoch=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
