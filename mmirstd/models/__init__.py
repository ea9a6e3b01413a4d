"""Models and their parts. Importing this package registers them in ``mmirstd.registry``."""

from mmirstd.models import backbones, decode_heads, losses, necks, segmentors, semantic_sam

__all__ = ['backbones', 'decode_heads', 'losses', 'necks', 'segmentors', 'semantic_sam']
