"""Distillation of Semantic-SAM into a small encoder (Sec. 3.2): teacher, losses, loops.

Importing this package registers its parts in ``mmirstd.registry``.
"""

from mmirstd.distillation.loops import DistillEpochLoop, DistillIterLoop, DistillTestLoop
from mmirstd.distillation.losses import DistillationLoss
from mmirstd.distillation.prompted import PromptDataPreprocessor, PromptedSemanticSAM
from mmirstd.distillation.student import AlignNeck, DistillationStudent

__all__ = [
    'AlignNeck',
    'DistillEpochLoop',
    'DistillIterLoop',
    'DistillTestLoop',
    'DistillationLoss',
    'DistillationStudent',
    'PromptDataPreprocessor',
    'PromptedSemanticSAM',
]
