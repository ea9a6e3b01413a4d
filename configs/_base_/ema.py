# Option: exponential moving average of the weights. Add this file to the `_base_` list of a
# config. Validation, the best checkpoint and `mim test` then use the averaged weights; `--resume`
# continues both sets.
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='ExponentialMovingAverage',
        momentum=2e-4,  # weight of the newest state: an average over about 5,000 iterations
        update_buffers=True,  # running statistics of BatchNorm belong to the averaged weights
        priority='ABOVE_NORMAL')
]
