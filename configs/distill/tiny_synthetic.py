# Distillation on a CPU in a few minutes: the tiny teacher of tiny_teacher_synthetic.py into a
# narrow RepViT, the encoder of simirstd_synthetic.py, on procedural nested shapes.
_base_ = [
    '../_base_/distillation.py',
    '../_base_/models/semantic_sam_tiny.py',
    '../_base_/datasets/nested_shapes.py',
]

teacher = dict(semantic_sam=_base_.semantic_sam, checkpoint=_base_.semantic_sam_checkpoint)
model = dict(
    type='mmirstd.DistillationStudent',
    backbone=dict(
        type='mmirstd.RepViT', arch='repvit_m1_1', embed_dims=(16, 32, 48, 64),
        depths=(2, 2, 3, 2)),
    neck=dict(
        type='mmirstd.AlignNeck', in_channels=(16, 32, 48, 64), out_channels=(24, 48, 96, 192)),
    loss=dict(type='mmirstd.DistillationLoss', weight=5.0, num_points=512),
    match_on='teacher',
    match_points=512)
# Random weights and few iterations: larger steps than the paper's.
optim_wrapper = dict(optimizer=dict(lr=2e-3), clip_grad=dict(max_norm=1.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(
    type='mmirstd.DistillEpochLoop', max_epochs=5, val_interval=5, teacher=teacher)
test_cfg = dict(type='mmirstd.DistillTestLoop', teacher=teacher)
default_hooks = dict(checkpoint=dict(by_epoch=True, interval=5))
train_dataloader = dict(batch_size=4, dataset=dict(num_prompts=8))
