"""Boxes (centre x, centre y, width, height) in [0, 1] of an image."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_convert, masks_to_boxes

EPS = 1e-6
"""Keeps the divisions of :func:`generalized_iou` finite; Semantic-SAM's value. It matters for
prompts of a few pixels, for which torchvision's function without it gives other values."""


def mask_boxes(masks: Tensor) -> Tensor:
    """Bounding boxes (M, 4) of ``masks`` (M, H, W), including the far edges of the pixels.

    Raises:
        ValueError: A mask is empty.
    """
    inside = masks > 0
    empty = ~inside.flatten(1).any(dim=1)
    if empty.any():
        raise ValueError(f'masks {empty.nonzero()[:, 0].tolist()} are empty and have no box')
    height, width = masks.shape[-2:]
    corners = masks_to_boxes(inside) if len(masks) else masks.new_zeros(0, 4, dtype=torch.float32)
    corners = corners + corners.new_tensor([0, 0, 1, 1])
    corners = corners / corners.new_tensor([width, height, width, height])
    return box_convert(corners, 'xyxy', 'cxcywh')


def generalized_iou(first: Tensor, second: Tensor) -> Tensor:
    """GIoU (...), in [-1, 1], of boxes (..., 4) that are broadcast against each other."""
    a, b = (box_convert(boxes, 'cxcywh', 'xyxy') for boxes in (first, second))
    overlap = _area(torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:]))
    hull = _area(torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:]))
    union = _area(a[..., :2], a[..., 2:]) + _area(b[..., :2], b[..., 2:]) - overlap
    return overlap / (union + EPS) - (hull - union) / (hull + EPS)


def _area(low: Tensor, high: Tensor) -> Tensor:
    return (high - low).clamp(min=0).prod(-1)
