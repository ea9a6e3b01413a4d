# SCTransNet on SIRST with the recipe of its authors. Deviations: docs/networks.md.
_base_ = [
    '../_base_/models/sctransnet.py',
    '../_base_/datasets/sirst.py',
    '../_base_/recipes/sctransnet.py',
    '../_base_/default_runtime.py',
]

# BasicIRSTD's statistics of the gray images, which the authors use too.
model = dict(data_preprocessor=dict(_base_.gray_preprocessor, mean=[101.06], std=[34.62]))
load_gray = dict(_base_.load_image, channels=1)
train_pipeline = [load_gray, *_base_.train_steps]
test_pipeline = [load_gray, *_base_.test_steps]
tta_pipeline = [load_gray, _base_.tta_step]
train_dataloader = dict(batch_size=_base_.batch_size, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
