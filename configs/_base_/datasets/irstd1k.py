# IRSTD-1k: 1001 images of 512 x 512 pixels.
# The authors' lists: 800 / 201.
# data_root: the authors' folder or a repack (see mmirstd/datasets/layouts.py).
# The folder of all datasets is ./data, or what the environment variable MMIRSTD_DATA names. Other
# places: --cfg-options {train,val,test}_dataloader.dataset.data_root=DIR, one option for each.
data_root = '{{$MMIRSTD_DATA:data}}/IRSTD-1k'
input_size = 512  # paper Sec. 4.1

# 8-bit images pass unchanged; for other sensors set intensity_range (see mmirstd.LoadIRImage).
# The type and scope together mean 'mmirstd.LoadIRImage', under the name that MMSeg's inference
# looks for.
load_image = dict(type='LoadImageFromFile', _scope_='mmirstd', channels=3, intensity_range='dtype')

train_pipeline = [
    load_image,
    dict(type='mmirstd.LoadMask'),
    # First, as in the released code: padding stays on the right.
    dict(type='RandomFlip', prob=0.5),
    # Paper Sec. 4.1: factors 0.5 to 2.0 and fixed-size crop; the released code, which produced the
    # published checkpoints, draws from 0.1 to 2.0 and pads images with 128, masks with background.
    dict(
        type='mmirstd.RandomScaleCropPad',
        size=input_size,
        scale_range=(0.1, 2.0),
        image_pad=128,
        mask_pad=0),
    dict(type='PackSegInputs'),
]
# evaluate_at='input' scores at 512 x 512 as the paper does, 'native' at the size of the file.
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
gray_mean = 87.4662
gray_std = 39.7195

num_workers = 2
train_dataloader = dict(
    batch_size=8,  # released code; the paper does not say
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mmirstd.IRSTDDataset',
        data_root=data_root,
        split='irstd1k/basicirstd_train_fit',
        pipeline=train_pipeline))
# A tenth of the training list, set aside to select checkpoints (see mmirstd/datasets/splits). To
# train on the whole list as the paper does, set train_dataloader.dataset.split to
# 'irstd1k/basicirstd_train' and report the last (or EMA) weights.
val_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmirstd.IRSTDDataset',
        data_root=data_root,
        split='irstd1k/basicirstd_train_val',
        test_mode=True,
        pipeline=test_pipeline))
# 201 images, 297 targets. The paper drops 6 images without naming them (284 targets remain); leave
# images out with exclude=[...].
test_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmirstd.IRSTDDataset',
        data_root=data_root,
        split='irstd1k/basicirstd_test',
        test_mode=True,
        pipeline=test_pipeline))

val_evaluator = dict(type='mmirstd.IRSTDMetric')
test_evaluator = dict(type='mmirstd.IRSTDMetric')
