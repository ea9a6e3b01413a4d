"""What surrounds the networks in training: optimiser set-up and hooks."""

from mmirstd.engine.weight_decay import EmbedDecayOptimWrapperConstructor

__all__ = ['EmbedDecayOptimWrapperConstructor']
