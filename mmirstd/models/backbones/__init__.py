"""Encoders: registered backbones and the bodies of the infrared networks."""

from mmirstd.models.backbones.query_encoder import QueryEncoder
from mmirstd.models.backbones.repvit import RepViT

__all__ = ['QueryEncoder', 'RepViT']
