# MDFA (MDvsFA, NUST-SIRST): 9978 + 100 images.
# The lists of DNANet: 10000 / 100; 22 of the 10000 are damaged in every copy.
# data_root: the authors' archive or a repack (see mmirstd/datasets/layouts.py).
# The folder of all datasets is ./data, or what the environment variable MMIRSTD_DATA names. Other
# places: --cfg-options {train,val,test}_dataloader.dataset.data_root=DIR, one option for each.
data_root = '{{$MMIRSTD_DATA:data}}/MDFA'
input_size = 128  # paper Sec. 4.1

# 8-bit images pass unchanged; for other sensors set intensity_range (see mmirstd.LoadIRImage).
# The type and scope together mean 'mmirstd.LoadIRImage', under the name that MMSeg's inference
# looks for.
load_image = dict(type='LoadImageFromFile', _scope_='mmirstd', channels=3, intensity_range='dtype')

train_pipeline = [
    load_image,
    dict(type='mmirstd.LoadMask'),
    dict(type='RandomFlip', prob=0.5),
    # Released code: nothing but the flip. Training images are 128 x 128.
    dict(type='mmirstd.ResizeToSquare', size=input_size),
    dict(type='PackSegInputs'),
]
# evaluate_at='input' scores at 128 x 128 as the paper does, 'native' at the size of the file.
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

# For configs that follow BasicIRSTD, which has no statistics of MDFA: those of NUDT-SIRST.
gray_mean = 107.8091
gray_std = 33.0227

num_workers = 2
train_dataloader = dict(
    batch_size=32,  # released code; the paper does not say
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmirstd.IRSTDDataset',
        data_root=data_root,
        split='mdfa/dnanet_10000_100_train_fit',
        pipeline=train_pipeline))
# A tenth of the training list, set aside to select checkpoints (see mmirstd/datasets/splits). To
# train on the whole list as the paper does, set train_dataloader.dataset.split to
# 'mdfa/dnanet_10000_100_train_9978' and report the last (or EMA) weights.
val_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmirstd.IRSTDDataset',
        data_root=data_root,
        split='mdfa/dnanet_10000_100_train_val',
        test_mode=True,
        pipeline=test_pipeline))
# 100 images of 101-442 x 96-327 pixels with 140 targets; 136 are left at 128 x 128.
test_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmirstd.IRSTDDataset',
        data_root=data_root,
        split='mdfa/dnanet_10000_100_test',
        test_mode=True,
        pipeline=test_pipeline))

val_evaluator = dict(type='mmirstd.IRSTDMetric')
test_evaluator = dict(type='mmirstd.IRSTDMetric')
