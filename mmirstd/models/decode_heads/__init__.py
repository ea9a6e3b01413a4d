"""Heads: from features to mask logits."""

from mmirstd.models.decode_heads.classical_head import ClassicalHead
from mmirstd.models.decode_heads.decomposition_head import DecompositionHead
from mmirstd.models.decode_heads.edge_supervised_head import EdgeSupervisedHead
from mmirstd.models.decode_heads.frequency_gated_head import FrequencyGatedHead
from mmirstd.models.decode_heads.irstd_head import IRSTDHead
from mmirstd.models.decode_heads.sam_head import EfficientSAMHead, SAMHead, SAMHQHead
from mmirstd.models.decode_heads.side_fusion_head import SideFusionHead
from mmirstd.models.decode_heads.simirstd_head import SimIRSTDHead
from mmirstd.models.decode_heads.warm_up_head import WarmUpHead

__all__ = [
    'ClassicalHead',
    'DecompositionHead',
    'EdgeSupervisedHead',
    'EfficientSAMHead',
    'FrequencyGatedHead',
    'IRSTDHead',
    'SAMHQHead',
    'SAMHead',
    'SideFusionHead',
    'SimIRSTDHead',
    'WarmUpHead',
]
