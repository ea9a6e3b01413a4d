# Training of ISNet by its authors, with the augmentation of ACM instead of their albumentations
# pipeline.
crop_size = (480, 480)
batch_size = 12
max_epochs = 3000

# Behind the loader of the dataset's base config.
train_steps = [
    dict(type='mmirstd.LoadMask'),
    # The longer side becomes 0.5 to 2 times 512; short images are padded with black.
    dict(
        type='mmirstd.RandomScaleCropPad',
        size=480,
        scale_range=(0.5 * 512 / 480, 2.0 * 512 / 480),
        image_pad=0,
        mask_pad=0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmirstd.RandomGaussianBlur', prob=0.5),
    dict(type='PackSegInputs'),
]
resize_for_test = dict(type='mmirstd.ResizeToSquare', size=512, evaluate_at='input')
test_steps = [
    dict(type='mmirstd.LoadMask'),
    resize_for_test,
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
        [resize_for_test],
        [dict(type='PackSegInputs')],
    ])

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adagrad', lr=0.05, weight_decay=1e-4))
# The rate goes down and up again every 30 epochs: the original steps past T_max.
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=30, eta_min=0, begin=0, end=max_epochs, by_epoch=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
