# Common part of the IRSTD datasets. The files _sirst.py, _nudt.py, _irstd1k.py and _mdfa.py define
# the folder and the splits of a dataset; the files of these names without _ join both. The
# pipelines below are for 256 x 256 pixels.
#
# The folder of all datasets is ./data, or the folder that the environment variable MMIRSTD_DATA
# names. For other folders: --cfg-options {train,val,test}_dataloader.dataset.data_root=DIR, one
# option for each.
input_size = 256

# 8-bit images pass unchanged; for other sensors set intensity_range (see mmirstd.LoadIRImage).
# The type and scope together mean 'mmirstd.LoadIRImage', under the name that MMSeg's inference
# looks for.
load_image = dict(type='LoadImageFromFile', _scope_='mmirstd', channels=3, intensity_range='dtype')
load_mask_step = dict(type='mmirstd.LoadMask')
# First, as in the released code: padding stays on the right.
flip_step = dict(type='RandomFlip', prob=0.5)
# Paper Sec. 4.1: factors 0.5 to 2.0 and fixed-size crop; the released code, which produced the
# published checkpoints, draws from 0.1 to 2.0 and pads images with 128, masks with background.
random_scale_crop = dict(
    type='mmirstd.RandomScaleCropPad',
    size=input_size,
    scale_range=(0.1, 2.0),
    image_pad=128,
    mask_pad=0)
# evaluate_at='input' scores at the input size as the paper does, 'native' at the size of the file.
resize = dict(type='mmirstd.ResizeToSquare', size=input_size, evaluate_at='input')
pack_step = dict(type='PackSegInputs')
views = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]

train_pipeline = [load_image, load_mask_step, flip_step, random_scale_crop, pack_step]
test_pipeline = [load_image, load_mask_step, resize, pack_step]
tta_pipeline = [
    load_image,
    dict(
        type='TestTimeAug',
        # The mask is loaded after the flip: predictions are flipped back, the mask must not be
        # flipped.
        transforms=[views, [load_mask_step], [resize], [pack_step]]),
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

num_workers = 2
train_dataloader = dict(
    batch_size=8,  # released code; the paper does not say
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='mmirstd.IRSTDDataset', split='train', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmirstd.IRSTDDataset', split='val', test_mode=True, pipeline=test_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmirstd.IRSTDDataset', split='test', test_mode=True, pipeline=test_pipeline))

val_evaluator = dict(type='mmirstd.IRSTDMetric')
test_evaluator = dict(type='mmirstd.IRSTDMetric')
