# Procedural nested shapes in SA-1B's format, in data/nested_shapes/sa_{000020,000130}.
# Written by tools/make_nested_shapes.py.
data_root = 'data/nested_shapes'
size = 96

train_dataloader = dict(
    batch_size=8,
    num_workers=2,  # with 0 also set persistent_workers=False
    persistent_workers=True,
    sampler=dict(type='mmirstd.ResumableSampler'),
    dataset=dict(
        type='mmirstd.SA1BDataset',
        data_root=data_root,
        shards='20',
        size=size,
        num_prompts=12,
        max_levels=6,
        jitter=0.4))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmirstd.SA1BClicks', data_root=data_root, shards='130', short_edge=None))
test_dataloader = val_dataloader
