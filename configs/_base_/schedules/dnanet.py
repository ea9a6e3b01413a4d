# Training of DNANet by its authors: the augmentation of ACM at half the size.
_base_ = './acm.py'

crop_size = (256, 256)
batch_size = 16
max_epochs = 1500
drop_last = True  # of an incomplete last batch

load_mask, flip, _, _, _, *others = _base_.train_steps
train_steps = [
    load_mask,
    flip,
    dict(type='mmirstd.RandomLongSide', sides=(128, 512)),
    dict(type='mmirstd.PadToSize', size=256, image_pad=0),
    dict(type='RandomCrop', crop_size=crop_size),
    *others,
]
resize_for_test = dict(_base_.resize_for_test, size=256)
test_steps = [load_mask, resize_for_test, dict(type='PackSegInputs')]
flips, masks, _, pack = _base_.tta_step.transforms
tta_step = dict(transforms=[flips, masks, [resize_for_test], pack])

optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adagrad', lr=0.05))
# Constant: the original steps its cosine schedule once in total.
param_scheduler = [dict(_base_.param_scheduler[0], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
