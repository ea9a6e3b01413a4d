"""Encoders: registered backbones and the bodies of the infrared networks."""

from mmirstd.models.backbones.dnanet import DNANet
from mmirstd.models.backbones.query_encoder import QueryEncoder
from mmirstd.models.backbones.repvit import RepViT
from mmirstd.models.backbones.uiunet import UIUNet

__all__ = ['DNANet', 'QueryEncoder', 'RepViT', 'UIUNet']
