# Training of ACM by its authors (open-acm). FC3-Net, whose training was not published, and
# ALCNet of the same group follow it.
crop_size = (480, 480)
batch_size = 8
max_epochs = 300

# After the loader of the dataset's base config, in the order of the original.
train_steps = [
    dict(type='mmirstd.LoadMask'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmirstd.RandomLongSide', sides=(256, 1024)),  # half to twice the base size of 512
    dict(type='mmirstd.PadToSize', size=480, image_pad=0),  # black
    dict(type='RandomCrop', crop_size=crop_size),  # both axes drawn independently
    dict(type='mmirstd.RandomGaussianBlur', prob=0.5, max_radius=1.0),
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
        # After the flip: predictions are flipped back, the ground truth must not be flipped.
        [dict(type='mmirstd.LoadMask')],
        [resize_for_test],
        [dict(type='PackSegInputs')],
    ])

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adagrad', lr=0.05, weight_decay=1e-4))
# Constant: the poly schedule of the original is built but not given to AdaGrad.
param_scheduler = [dict(type='ConstantLR', factor=1.0, begin=0, end=max_epochs, by_epoch=True)]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
