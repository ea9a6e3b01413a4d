"""Distillation of Semantic-SAM into a small encoder (Sec. 3.2): teacher, losses, loops.

Importing this package registers its parts in ``mmirstd.registry``.
"""

from mmirstd.distillation import semantic_sam
from mmirstd.distillation.losses import DistillationLoss
from mmirstd.distillation.semantic_sam import SemanticSAM

__all__ = ['DistillationLoss', 'SemanticSAM', 'semantic_sam']
