# Common part of the distillation configs: hooks, loops for testing, schedule (paper, Sec. 4.1:
# AdamW, lr 1e-4, divided by 10 at 90 % and 95 % of the steps, 20 epochs, batch 16).
_base_ = './default_runtime.py'

max_epochs = 20

# As in Semantic-SAM, where the paper is silent: weight decay, gradient norm, warm-up. `--amp` swaps
# in mixed precision; the deformable parts stay in float32.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=0.01, norm_type=2),
    accumulative_counts=1,
    constructor='mmirstd.EmbedDecayOptimWrapperConstructor',
    paramwise_cfg=dict(norm_decay_mult=0.0, embed_decay_mult=0.0))

param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=10),
    dict(
        type='MultiStepLR',
        milestones=[0.90 * max_epochs, 0.95 * max_epochs],
        gamma=0.1)
]

default_hooks = dict(
    # By iteration: an epoch of SA-1B takes hours, and a resumed run goes on inside of it.
    checkpoint=dict(by_epoch=False, interval=500, save_best='one_click/max', rule='greater'))

val_cfg = dict(type='ValLoop')
val_evaluator = dict(type='mmirstd.OneClickIoUMetric')
test_evaluator = dict(type='mmirstd.OneClickIoUMetric')

# Prompts are not pipelines of transforms: the datasets do it all.
test_pipeline = []
tta_pipeline = []
