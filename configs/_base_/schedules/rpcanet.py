# Training of RPCANet and RPCANet++ by their authors, without augmentation as for NUDT-SIRST and
# IRSTD-1k. The configs for SIRST add the eight symmetries of the square.
crop_size = (256, 256)
batch_size = 8

# One channel, divided by 255 and nothing else.
gray_preprocessor = dict(
    type='SegDataPreProcessor', size=crop_size, pad_val=0, seg_pad_val=255, mean=[0], std=[255])

# After the loader of the dataset's base config.
train_steps = [
    dict(type='mmirstd.LoadMask'),
    dict(type='mmirstd.ResizeToSquare', size=256),
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
        # After the flip: predictions are flipped back, the ground truth must not be flipped.
        [dict(type='mmirstd.LoadMask')],
        [resize_for_test],
        [dict(type='PackSegInputs')],
    ])

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=400, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
