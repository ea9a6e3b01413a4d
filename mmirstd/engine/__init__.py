"""Training engine: runner, hooks, optimiser wrappers and seeding."""

from mmirstd.engine.atomic_checkpoint import AtomicCheckpointHook
from mmirstd.engine.checkpoint_fit import CheckpointFitHook
from mmirstd.engine.epoch_seed import EpochSeedHook
from mmirstd.engine.frozen_norm import FrozenNormHook
from mmirstd.engine.fused_test import FusedTestHook
from mmirstd.engine.mixed_precision import AmpOptimWrapper
from mmirstd.engine.resume import ResumeHook
from mmirstd.engine.runner import QuietRunner
from mmirstd.engine.small_sets import SmallSetHook
from mmirstd.engine.weight_decay import EmbedDecayOptimWrapperConstructor
from mmirstd.engine.work_dir_lock import WorkDirLockHook

__all__ = [
    'AmpOptimWrapper',
    'AtomicCheckpointHook',
    'CheckpointFitHook',
    'EmbedDecayOptimWrapperConstructor',
    'EpochSeedHook',
    'FrozenNormHook',
    'FusedTestHook',
    'QuietRunner',
    'ResumeHook',
    'SmallSetHook',
    'WorkDirLockHook',
]
