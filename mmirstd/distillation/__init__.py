"""Distillation of Semantic-SAM into a small encoder (Sec. 3.2): teacher, losses, loops.

Importing this package registers its parts in ``mmirstd.registry``.
"""

from mmirstd.distillation.losses import DistillationLoss

__all__ = ['DistillationLoss']
