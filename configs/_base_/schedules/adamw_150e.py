# Fine-tuning schedule of SimIRSTD (paper, implementation details): AdamW, lr 1e-4 -> 1e-6 by
# cosine after 10 linear warm-up iterations, weight decay 0.1, gradient norm 0.01, 150 epochs.
#
# For another length, to which the cosine adapts: --cfg-options train_cfg.max_epochs=N
_base_ = './_loops.py'

optim_wrapper = dict(
    type='OptimWrapper',  # `--amp` swaps in mixed precision (float16 on CUDA, bfloat16 on the CPU)
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.1),
    clip_grad=dict(max_norm=0.01, norm_type=2),  # one norm over all parameters
    # No decay on normalisation layers and on embeddings (learned queries, tokens, positions).
    constructor='mmirstd.EmbedDecayOptimWrapperConstructor',
    paramwise_cfg=dict(norm_decay_mult=0.0, embed_decay_mult=0.0))

param_scheduler = [
    # The paper gives the length of the warm-up, not its start; we start near zero.
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=10),
    dict(type='CosineAnnealingLR', eta_min=1e-6, by_epoch=True, convert_to_iter_based=True)
]

train_cfg = dict(max_epochs=150)
