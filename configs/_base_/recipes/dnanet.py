# Training of DNANet by its authors. Their augmentation is not specified in our sources beyond the
# crop of 256; that of ACM, from which their code descends, is used.
_base_ = './acm.py'

crop_size = (256, 256)
batch_size = 16
max_epochs = 1500

# The longer side becomes 0.5 to 2 times 256.
load_mask, scale_crop_pad, *others = _base_.train_steps
train_steps = [load_mask, dict(scale_crop_pad, size=256, scale_range=(0.5, 2.0)), *others]
resize_for_test = dict(_base_.resize_for_test, size=256)
test_steps = [load_mask, resize_for_test, dict(type='PackSegInputs')]
flips, masks, _, pack = _base_.tta_step.transforms
tta_step = dict(transforms=[flips, masks, [resize_for_test], pack])

optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adagrad', lr=0.05))
# Constant: the original steps its cosine schedule once in total.
param_scheduler = [dict(_base_.param_scheduler[0], end=max_epochs)]
train_cfg = dict(max_epochs=max_epochs)
