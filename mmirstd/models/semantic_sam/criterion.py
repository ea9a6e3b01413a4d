"""Training losses of Semantic-SAM: masks, boxes and quality of the matched granularities.

There is no loss for granularities without a target. Shapes are named as in
:mod:`mmirstd.models.semantic_sam.matching`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmirstd.models.losses.point_mask import (
    binary_cross_entropy,
    dice,
    sample_points,
    uncertain_points,
)
from mmirstd.models.semantic_sam.boxes import generalized_iou
from mmirstd.models.semantic_sam.mask_decoder import SemanticSAMOutput
from mmirstd.models.semantic_sam.matching import CostWeights, Matches


def box_l1(boxes: Tensor, target_boxes: Tensor) -> Tensor:
    """Sum of the absolute differences (n,) of boxes (n, 4)."""
    return F.l1_loss(boxes, target_boxes, reduction='none').sum(-1)


def giou_loss(boxes: Tensor, target_boxes: Tensor) -> Tensor:
    """``1 - GIoU`` (n,) of boxes (n, 4), in [0, 2]."""
    return 1 - generalized_iou(boxes, target_boxes)


def iou_loss(predicted: Tensor, dice_losses: Tensor) -> Tensor:
    """Squared error (n,) of predicted IoUs (n,) against the soft Dice score of their masks.

    The authors do not detach the score, so this loss also has a gradient for the masks.
    """
    return (predicted - (1 - dice_losses)) ** 2


def pair_losses(
    output: SemanticSAMOutput,
    matches: Matches,
    masks: Sequence[Tensor],
    boxes: Sequence[Tensor],
    *,
    num_points: int = 12544,
    oversample_ratio: float = 3.0,
    importance_ratio: float = 0.75,
    points: Tensor | None = None,
) -> dict[str, Tensor]:
    """Losses of every matched pair, without weights.

    Args:
        output: One layer of the decoder.
        matches: The pairs.
        masks: For each image its masks (M, H, W), in [0, 1].
        boxes: For each image the boxes (M, 4) of its masks.
        num_points: Points per pair, P.
        oversample_ratio: See :func:`mmirstd.models.losses.point_mask.uncertain_points`.
        importance_ratio: See ``oversample_ratio``.
        points: Points (n, P, 2) or (P, 2), (x, y) in [0, 1], instead of random ones.

    Returns:
        (n,) each: ``'mask_bce'``, ``'mask_dice'``, ``'bbox_l1'``, ``'giou'``, ``'iou_score'``.
    """
    own = matches.images, matches.prompts, matches.granularities
    logits = output.masks[own][:, None].float()  # (n, 1, h, w)
    if not len(logits):
        # An empty tensor that keeps the graph.
        nothing = (output.masks.sum() + output.boxes.sum() + output.ious.sum()).float()[None][:0]
        names = ('mask_bce', 'mask_dice', 'bbox_l1', 'giou', 'iou_score')
        return dict.fromkeys(names, nothing)
    target = torch.cat(_of_pairs(masks, matches))[:, None].float()
    target_boxes = torch.cat(_of_pairs(boxes, matches)).float()
    if points is None:
        points = uncertain_points(logits, num_points, oversample_ratio, importance_ratio)
    points = points.expand(len(logits), -1, -1)
    logits, target = (sample_points(each, points)[:, 0] for each in (logits, target))
    everywhere = torch.ones_like(logits)
    overlap = dice(logits, target, everywhere)
    found = output.boxes[own].float()
    return {
        'mask_bce': binary_cross_entropy(logits, target, everywhere),
        'mask_dice': overlap,
        'bbox_l1': box_l1(found, target_boxes),
        'giou': giou_loss(found, target_boxes),
        'iou_score': iou_loss(output.ious[own].float(), overlap),
    }


def layer_losses(
    output: SemanticSAMOutput,
    matches: Matches,
    masks: Sequence[Tensor],
    boxes: Sequence[Tensor],
    *,
    weights: CostWeights | None = None,
    iou_weight: float = 1.0,
    num_pairs: float | None = None,
    **sampling: float,
) -> dict[str, Tensor]:
    """Weighted losses of all layers, each with the pairs of the last layer.

    Args:
        output: Predictions, with or without auxiliary outputs.
        matches: The result of :func:`~mmirstd.models.semantic_sam.matching.match`.
        masks: See :func:`pair_losses`.
        boxes: See :func:`pair_losses`.
        weights: Weights of masks and boxes; None for Semantic-SAM's.
        iou_weight: Weight of the predicted IoU.
        num_pairs: Divisor of the sums. None for the number of pairs of this process; with several
            processes, give the mean over them.
        **sampling: Arguments of :func:`pair_losses` about points.

    Returns:
        ``'loss_mask_bce'`` and so on for the last layer, ``'d0.loss_mask_bce'`` and so on for
        the earlier ones, with names as in MMDetection.
    """
    weights = weights or CostWeights()
    factors = {
        'mask_bce': weights.bce,
        'mask_dice': weights.dice,
        'bbox_l1': weights.l1,
        'giou': weights.giou,
        'iou_score': iou_weight,
    }
    divisor = max(1.0, len(matches.images) if num_pairs is None else num_pairs)
    layers = {'': output, **{f'd{i}.': layer for i, layer in enumerate(output.auxiliary)}}
    return {
        f'{prefix}loss_{name}': factors[name] * values.sum() / divisor
        for prefix, layer in layers.items()
        for name, values in pair_losses(layer, matches, masks, boxes, **sampling).items()
    }


def _of_pairs(values: Sequence[Tensor], matches: Matches) -> list[Tensor]:
    """The value of each pair's mask, image by image, which is the order of the pairs."""
    return [each[matches.masks[matches.images == i]] for i, each in enumerate(values)]
