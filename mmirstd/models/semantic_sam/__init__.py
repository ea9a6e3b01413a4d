"""Semantic-SAM, the teacher: model, matching of granularities, losses, segmentation head."""

from mmirstd.models.semantic_sam.criterion import layer_losses
from mmirstd.models.semantic_sam.head import SemanticSAMHead
from mmirstd.models.semantic_sam.mask_decoder import SemanticSAMOutput
from mmirstd.models.semantic_sam.matching import Matches, match
from mmirstd.models.semantic_sam.model import SemanticSAM

__all__ = [
    'Matches',
    'SemanticSAM',
    'SemanticSAMHead',
    'SemanticSAMOutput',
    'layer_losses',
    'match',
]
