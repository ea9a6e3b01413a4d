"""Heads: from features to mask logits."""

from mmirstd.models.decode_heads.simirstd_head import SimIRSTDHead

__all__ = ['SimIRSTDHead']
