"""What surrounds the networks in training: optimiser set-up and hooks."""

from mmirstd.engine.atomic_checkpoint import AtomicCheckpointHook
from mmirstd.engine.checkpoint_fit import CheckpointFitHook
from mmirstd.engine.epoch_seed import EpochSeedHook
from mmirstd.engine.fused_test import FusedTestHook
from mmirstd.engine.mixed_precision import AmpOptimWrapper
from mmirstd.engine.runner import QuietRunner
from mmirstd.engine.weight_decay import EmbedDecayOptimWrapperConstructor

__all__ = [
    'AmpOptimWrapper',
    'AtomicCheckpointHook',
    'CheckpointFitHook',
    'EmbedDecayOptimWrapperConstructor',
    'EpochSeedHook',
    'FusedTestHook',
    'QuietRunner',
]
