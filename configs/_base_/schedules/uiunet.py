# Training of UIU-Net by its authors. Every image is divided by its maximum.
crop_size = (288, 288)
batch_size = 3
max_epochs = 500

# After the loader of the dataset's base config.
train_steps = [
    dict(type='mmirstd.LoadMask'),
    dict(type='mmirstd.DivideByMaximum'),
    dict(type='mmirstd.ResizeToSquare', size=320),
    dict(type='RandomCrop', crop_size=(288, 288)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
resize_for_test = dict(type='mmirstd.ResizeToSquare', size=320, evaluate_at='input')
test_steps = [
    dict(type='mmirstd.LoadMask'),
    dict(type='mmirstd.DivideByMaximum'),
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
        # After the flip: predictions are flipped back, the ground truth must not be flipped.
        [dict(type='mmirstd.LoadMask')],
        [dict(type='mmirstd.DivideByMaximum')],
        [resize_for_test],
        [dict(type='PackSegInputs')],
    ])

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [dict(type='ConstantLR', factor=1.0, begin=0, end=max_epochs, by_epoch=True)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
