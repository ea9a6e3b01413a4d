"""Semantic-SAM, the teacher: network, matching of its granularities, criterion."""

from mmirstd.distillation.semantic_sam.mask_decoder import SemanticSAMOutput
from mmirstd.distillation.semantic_sam.model import SemanticSAM

__all__ = ['SemanticSAM', 'SemanticSAMOutput']
