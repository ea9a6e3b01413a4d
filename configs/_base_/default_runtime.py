# Common part of all configs: hooks, logging, environment, seed, all based on epochs. It uses
# MMSegmentation's scope, so that stock parts need no prefix and its tools find their types; parts
# of this package are written 'mmirstd.X'.
default_scope = 'mmseg'

# `mim train` shows one page; the log file has all lines. runner_type='Runner' or the environment
# variable MMIRSTD_VERBOSE=1 show everything.
runner_type = 'mmirstd.QuietRunner'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=True),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # 'irstd/IoU' comes from mmirstd.IRSTDMetric on the VALIDATION split of the config.
    checkpoint=dict(
        type='mmirstd.AtomicCheckpointHook',  # a kill or a full disk never costs a checkpoint
        by_epoch=True,
        interval=5,
        max_keep_ckpts=2,
        save_last=True,
        save_best='irstd/IoU',
        rule='greater'),
    # Weights of another model are refused instead of being left out.
    checkpoint_fit=dict(type='mmirstd.CheckpointFitHook'),
    # --resume finds the newest complete checkpoint and keeps to the schedule of the config.
    resume=dict(type='mmirstd.ResumeHook'),
    work_dir_lock=dict(type='mmirstd.WorkDirLockHook'),  # one training per work folder at a time
    small_sets=dict(type='mmirstd.SmallSetHook'),  # last batches of one image, masks without target
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # Epochs differ, and a resumed run repeats the uninterrupted one, with any number of workers.
    epoch_seed=dict(type='mmirstd.EpochSeedHook'),
    # `mim test` runs the fused model, as inference does.
    fused_test=dict(type='mmirstd.FusedTestHook'),
    # Draws nothing in training. `mim test ... --show-dir DIR` turns draw on and then draws every
    # image (the stock interval of 50 writes nothing at all for a short list) at its own bit depth.
    visualization=dict(type='mmirstd.IRSTDVisualizationHook', draw=False, interval=1))

# TensorBoard curves appear by themselves once `pip install tensorboard` was done. (Written without
# an import statement, by which MMEngine 0.10.7 takes a file for the other kind of config.)
vis_backends = [dict(type='LocalVisBackend')]
if __import__('importlib.util', fromlist=['util']).find_spec('tensorboard') is not None:
    vis_backends.append(dict(type='TensorboardVisBackend'))
# No name: each experiment gets its own. Under a fixed one, the second run of a process would log
# into the folder of the first.
visualizer = dict(type='mmirstd.IRSTDLocalVisualizer', vis_backends=vis_backends)

env_cfg = dict(
    # Images of a test set differ in size; True pays only where all of them are equal.
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))

log_processor = dict(by_epoch=True, window_size=50)
log_level = 'INFO'
randomness = dict(seed=0)
load_from = None
resume = False  # `mim train ... --resume` continues from the last checkpoint of --work-dir

# `mim test ... --tta`: the mean of the probabilities over the views of the config's
# `tta_pipeline` (MMSegmentation's own SegTTAModel squashes one-channel outputs twice).
tta_model = dict(type='mmirstd.IRSTDTTAModel')
