# Training of DNANet by its authors. Their augmentation is not specified in our sources beyond the
# crop of 256; that of ACM, from which their code descends, is used.
crop_size = (256, 256)
batch_size = 16
max_epochs = 1500

# Behind the loader of the dataset's base config.
train_steps = [
    dict(type='mmirstd.LoadMask'),
    # The longer side becomes 0.5 to 2 times 256; short images are padded with black.
    dict(
        type='mmirstd.RandomScaleCropPad',
        size=256,
        scale_range=(0.5 * 256 / 256, 2.0 * 256 / 256),
        image_pad=0,
        mask_pad=0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmirstd.RandomGaussianBlur', prob=0.5),
    dict(type='PackSegInputs'),
]
resize_for_test = dict(type='mmirstd.ResizeToSquare', size=256, evaluate_at='input')
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
    optimizer=dict(type='Adagrad', lr=0.05))
# Constant: the original steps its cosine schedule once in total.
param_scheduler = [dict(type='ConstantLR', factor=1.0, begin=0, end=max_epochs, by_epoch=True)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
