# Option: stochastic weight averaging, the plain mean of the states of the last epochs. Add this
# file to the `_base_` list of a config. Validation, the best checkpoint and `mim test` then use
# the mean; `--resume` continues both sets. Set begin_epoch to the first epoch of the mean.
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='StochasticWeightAverage',
        begin_epoch=100,  # of 150: the last third
        update_buffers=True,  # running statistics of BatchNorm belong to the averaged weights
        priority='ABOVE_NORMAL')
]
