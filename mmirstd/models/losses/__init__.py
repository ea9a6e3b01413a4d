"""Losses of mask logits."""

from mmirstd.models.losses.edge import EdgeLoss
from mmirstd.models.losses.point_mask import PointMaskLoss
from mmirstd.models.losses.sls_iou import SLSIoULoss
from mmirstd.models.losses.soft_iou import SoftIoULoss

__all__ = ['EdgeLoss', 'PointMaskLoss', 'SLSIoULoss', 'SoftIoULoss']
