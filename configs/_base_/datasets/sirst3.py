# SIRST3, the joint set of the literature: SIRST, NUDT-SIRST and IRSTD-1k, trained on together, and
# scored separately and pooled in one pass. Native size, one channel, standardised per frame.
# Training 213 + 663 + 800 images, test 214 + 664 + 201. A tenth of each training split is set
# aside for validation.
data_root = '{{$MMIRSTD_DATA:data}}'
crop_size = 128

load_image = dict(type='LoadImageFromFile', _scope_='mmirstd', channels=1, intensity_range='raw')
standardize = dict(type='mmirstd.StandardizeImage')
meta_keys = ('img_path', 'seg_map_path', 'ori_shape', 'img_shape', 'pad_shape', 'scale_factor',
             'flip', 'flip_direction', 'dataset')

train_pipeline = [
    # Reading and standardising once: all images take 0.6 GiB.
    dict(
        type='mmirstd.CachedSteps',
        steps=[load_image, dict(type='mmirstd.LoadMask', on_size_mismatch='resize'), standardize]),
    dict(type='mmirstd.RandomTargetCrop', size=crop_size, target_prob=0.7),
    dict(type='mmirstd.RandomSymmetry'),
    dict(type='mmirstd.RandomIntensity'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [
    load_image,
    dict(type='mmirstd.LoadMask', on_size_mismatch='resize'),
    standardize,
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
tta_pipeline = [
    load_image,
    standardize,
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=0.0),
             dict(type='RandomFlip', prob=1.0)],
            # After the flip: predictions are flipped back, the ground truth must not be flipped.
            [dict(type='mmirstd.LoadMask', on_size_mismatch='resize')],
            [dict(type='PackSegInputs', meta_keys=meta_keys)],
        ]),
]

data_preprocessor = dict(
    type='SegDataPreProcessor',
    mean=None,
    std=None,
    bgr_to_rgb=False,
    size=(crop_size, crop_size),
    pad_val=0,
    seg_pad_val=255)

_sets = (
    ('SIRST', 'sirst/dnanet_50_50'),
    ('NUDT-SIRST', 'nudt/dnanet_50_50'),
    ('IRSTD-1k', 'irstd1k/basicirstd'),
)
_parts = {
    suffix: [
        dict(
            type='mmirstd.IRSTDDataset',
            data_root=f'{data_root}/{folder}',
            split=f'{split}_{suffix}',
            test_mode=suffix != 'train_fit',
            pipeline=train_pipeline if suffix == 'train_fit' else test_pipeline)
        for folder, split in _sets
    ]
    for suffix in ('train_fit', 'train_val', 'test')
}
# The cache makes the pipeline cheap, so it runs in the main process and repeats after a resume.
num_workers = 0
train_dataloader = dict(
    batch_size=16,
    num_workers=num_workers,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(type='ConcatDataset', datasets=_parts['train_fit']))
val_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ConcatDataset', datasets=_parts['train_val']))
test_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ConcatDataset', datasets=_parts['test']))

del _parts, _sets

val_evaluator = dict(type='mmirstd.IRSTDMetric', matching='legacy', per_dataset=True)
test_evaluator = val_evaluator
