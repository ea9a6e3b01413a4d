# Training of AGPCNet by its authors. They train for 5 epochs on the 8,525 images of SIRST-Aug, which
# are augmented before training; 70 epochs here are as many steps on NUDT-SIRST.
crop_size = (256, 256)
batch_size = 8

# After the loader of the dataset's base config. No augmentation.
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
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=70, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
