# A tiny Semantic-SAM trained with its own many-to-many criterion on procedural nested shapes, as
# the teacher of tiny_synthetic.py, because no weights of the real one can be shipped. Run
# tools/make_nested_shapes.py first; training takes about nine minutes on an idle core.
_base_ = [
    '../_base_/distillation.py',
    '../_base_/models/semantic_sam_tiny.py',
    '../_base_/datasets/nested_shapes.py',
]

model = dict(
    type='mmirstd.PromptedSemanticSAM', semantic_sam=_base_.semantic_sam, num_points=512)
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=1.0))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=20),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, convert_to_iter_based=True)
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=10)
test_cfg = dict(type='TestLoop')
default_hooks = dict(checkpoint=dict(by_epoch=True, interval=10))
