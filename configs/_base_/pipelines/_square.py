# Images brought to 256 x 256 without augmentation, as the authors of AGPCNet and, with one channel,
# of RPCANet train. The other pipelines take their steps from here. The files without an underscore
# join a pipeline with a dataset, whose loader comes first.
crop_size = (256, 256)

load_mask = dict(type='mmirstd.LoadMask')
flip = dict(type='RandomFlip', prob=0.5)
resize_for_test = dict(type='mmirstd.ResizeToSquare', size=256, evaluate_at='input')
pack = dict(type='PackSegInputs')
flips = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]

train_steps = [load_mask, dict(type='mmirstd.ResizeToSquare', size=256), pack]
test_steps = [load_mask, resize_for_test, pack]
# The mask after the flip: predictions are flipped back, the ground truth must not be flipped.
tta_step = dict(type='TestTimeAug', transforms=[flips, [load_mask], [resize_for_test], [pack]])
