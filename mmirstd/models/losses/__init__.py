"""Losses of mask logits."""

from mmirstd.models.losses.point_mask import PointMaskLoss

__all__ = ['PointMaskLoss']
