# NUDT-SIRST: 1327 synthetic images of 256 x 256 pixels.
# The lists of DNANet: 663 / 664.
# data_root: the published folder or a repack (see mmirstd/datasets/layouts.py).
# The folder of all datasets is ./data, or what the environment variable MMIRSTD_DATA names. Other
# places: --cfg-options {train,val,test}_dataloader.dataset.data_root=DIR, one option for each.
data_root = '{{$MMIRSTD_DATA:data}}/NUDT-SIRST'
input_size = 256  # paper Sec. 4.1

# 8-bit images pass unchanged; for other sensors set intensity_range (see mmirstd.LoadIRImage).
# The type and scope together mean 'mmirstd.LoadIRImage', under the name that MMSeg's inference
# looks for.
load_image = dict(type='LoadImageFromFile', _scope_='mmirstd', channels=3, intensity_range='dtype')

train_pipeline = [
    load_image,
    dict(type='mmirstd.LoadMask'),
    dict(type='RandomFlip', prob=0.5),
    # Paper Sec. 4.1: no augmentation, it degraded the results; the released code still flips.
    dict(type='mmirstd.ResizeToSquare', size=input_size),
    dict(type='PackSegInputs'),
]
# evaluate_at='input' scores at 256 x 256 as the paper does, 'native' at the size of the file.
resize = dict(type='mmirstd.ResizeToSquare', size=input_size, evaluate_at='input')
test_pipeline = [
    load_image,
    dict(type='mmirstd.LoadMask'),
    resize,
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    load_image,
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='RandomFlip', prob=0.0),
                dict(type='RandomFlip', prob=1.0),
            ],
            # Behind the flip: predictions are flipped back, the truth must not be flipped.
            [dict(type='mmirstd.LoadMask')],
            [resize],
            [dict(type='PackSegInputs')],
        ]),
]

# RGB ImageNet statistics. Pipelines hold BGR as everywhere in OpenMMLab.
data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    size=(input_size, input_size),
    pad_val=0,
    seg_pad_val=255)

# Mean and standard deviation of the gray images over training and test images, as BasicIRSTD
# publishes them: for configs that follow it.
gray_mean = 107.8091
gray_std = 33.0227

num_workers = 2
train_dataloader = dict(
    batch_size=8,  # released code; the paper does not say
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmirstd.IRSTDDataset',
        data_root=data_root,
        split='nudt/dnanet_50_50_train_fit',
        pipeline=train_pipeline))
# A tenth of the training list, set aside to select checkpoints (see mmirstd/datasets/splits). To
# train on the whole list as the paper does, set train_dataloader.dataset.split to
# 'nudt/dnanet_50_50_train' and report the last (or EMA) weights.
val_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmirstd.IRSTDDataset',
        data_root=data_root,
        split='nudt/dnanet_50_50_train_val',
        test_mode=True,
        pipeline=test_pipeline))
# 664 images, 945 targets.
test_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmirstd.IRSTDDataset',
        data_root=data_root,
        split='nudt/dnanet_50_50_test',
        test_mode=True,
        pipeline=test_pipeline))

val_evaluator = dict(type='mmirstd.IRSTDMetric')
test_evaluator = dict(type='mmirstd.IRSTDMetric')
