"""Matching the granularities of a prompt with its targets.

Every prompt is a separate assignment problem of K granularities and at most L targets. Semantic-SAM
solves one problem over all prompts, in which pairs of different prompts cost 10^6; the
result is the same, because such a pair is never chosen.

Shapes: B images, N prompts, K granularities of a prompt, L targets of a prompt, M masks of an
image, P points, n matched pairs, H x W size of the masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mmirstd.models.losses.point_mask import sample_points
from mmirstd.models.semantic_sam.boxes import generalized_iou, mask_boxes
from mmirstd.models.semantic_sam.mask_decoder import SemanticSAMOutput
from mmirstd.wording import format_count


@dataclass(frozen=True)
class CostWeights:
    """Weights of the parts of the matching cost and of the losses; Semantic-SAM's values."""

    bce: float = 5.0
    dice: float = 5.0
    l1: float = 5.0
    giou: float = 2.0


class Matches(NamedTuple):
    """The matched pairs, sorted by image, prompt and granularity.

    Attributes:
        images: Image of each pair (n,).
        prompts: Prompt in that image (n,).
        granularities: Granularity of that prompt (n,).
        masks: Mask of that image (n,).
    """

    images: Tensor
    prompts: Tensor
    granularities: Tensor
    masks: Tensor

    def chosen(self, shape: Sequence[int]) -> Tensor:
        """Bool tensor of ``shape`` (B, N, K), True where a granularity has a target."""
        kept = torch.zeros(*shape, dtype=torch.bool, device=self.images.device)
        kept[self.images, self.prompts, self.granularities] = True
        return kept


def assignment_costs(
    logits: Tensor,
    labels: Tensor,
    boxes: Tensor,
    target_boxes: Tensor,
    weights: CostWeights | None = None,
) -> Tensor:
    """Cost of every granularity for every target of its prompt, for all prompts at once.

    Args:
        logits: Predicted logits at the points (N, K, P).
        labels: Targets at the points (N, L, P), in [0, 1].
        boxes: Predicted boxes (N, K, 4), (centre x, centre y, width, height) in [0, 1].
        target_boxes: (N, L, 4).
        weights: None for Semantic-SAM's.

    Returns:
        (N, K, L): weighted BCE, Dice and L1 minus the weighted GIoU.
    """
    weights = weights or CostWeights()
    logits, labels = logits.float(), labels.float()
    boxes, target_boxes = boxes.float(), target_boxes.float()
    bce = F.softplus(-logits) @ labels.mT + F.softplus(logits) @ (1 - labels).mT
    bce = bce / logits.shape[-1]
    p = logits.sigmoid()
    dice = 1 - (2 * p @ labels.mT + 1) / (p.sum(-1)[..., None] + labels.sum(-1)[:, None] + 1)
    l1 = torch.cdist(boxes, target_boxes, p=1)
    giou = generalized_iou(boxes[:, :, None], target_boxes[:, None])
    return weights.bce * bce + weights.dice * dice + weights.l1 * l1 - weights.giou * giou


def assign(costs: Tensor, valid: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve the Hungarian problem of every prompt.

    Args:
        costs: (N, K, L).
        valid: (N, L) bool, False where a prompt has fewer targets.

    Returns:
        Prompts, granularities and targets, (n,) each, sorted by prompt and granularity. A prompt
        with more targets than granularities leaves some without.

    Raises:
        ValueError: A cost is not finite.
    """
    matrices, counts = costs.detach().cpu().numpy(), valid.cpu().numpy()
    if not np.isfinite(matrices[np.broadcast_to(counts[:, None], matrices.shape)]).all():
        raise ValueError('matching costs are not finite: the predictions contain nan or infinity')
    solved = []
    for prompt, (matrix, has) in enumerate(zip(matrices, counts, strict=True)):
        columns = np.flatnonzero(has)
        rows, chosen = linear_sum_assignment(matrix[:, columns])
        solved.append((np.full(len(rows), prompt), rows, columns[chosen]))
    if not solved:
        return (np.zeros(0, np.int64),) * 3
    prompts, rows, columns = (np.concatenate(parts) for parts in zip(*solved, strict=True))
    return prompts, rows, columns


@torch.no_grad()
def match(
    output: SemanticSAMOutput,
    masks: Sequence[Tensor],
    targets: Sequence[Tensor],
    *,
    boxes: Sequence[Tensor] | None = None,
    num_points: int = 12544,
    points: Tensor | None = None,
    weights: CostWeights | None = None,
) -> Matches:
    """Match granularities with targets by masks and boxes.

    All masks are compared on the same points.

    Args:
        output: Predictions for B images with N prompts each. The last layer is matched, and its
            result is also used for the earlier ones.
        masks: For each image its masks (M, H, W), in [0, 1].
        targets: For each image and prompt the indices (N, L) of its target masks, padded with -1.
        boxes: For each image the boxes (M, 4) of its masks; None computes them.
        num_points: P uniform random points.
        points: Points (P, 2), (x, y) in [0, 1], instead of random ones.
        weights: Weights of the parts of the cost; None for Semantic-SAM's.

    Raises:
        ValueError: The inputs do not match, or a prediction is not finite.
    """
    check_targets(output, masks, targets)
    predicted = output.masks.float()
    b, n, k = predicted.shape[:3]
    if points is None:
        points = torch.rand(num_points, 2, device=predicted.device)
    boxes = [mask_boxes(each) for each in masks] if boxes is None else boxes
    rows = range(b)
    target_boxes = torch.stack([boxes[i].float()[targets[i].clamp(min=0)] for i in rows])
    labels = torch.stack(
        [
            sample_points(masks[i][None].float(), points[None])[0][targets[i].clamp(min=0)]
            for i in rows
        ]
    )
    logits = sample_points(predicted.flatten(1, 2), points.expand(b, -1, -1))
    costs = assignment_costs(
        logits.view(b * n, k, -1),
        labels.flatten(0, 1),
        output.boxes.flatten(0, 1),
        target_boxes.flatten(0, 1),
        weights,
    )
    levels = torch.stack(list(targets)).flatten(0, 1)  # (B * N, L)
    prompts, granularities, columns = (
        torch.from_numpy(each).to(levels.device) for each in assign(costs, levels >= 0)
    )
    return Matches(prompts // n, prompts % n, granularities, levels[prompts, columns])


def check_targets(
    output: SemanticSAMOutput, masks: Sequence[Tensor], targets: Sequence[Tensor]
) -> None:
    """Raise ValueError unless there are masks and targets for every image and prompt."""
    b, n = output.masks.shape[:2]
    if len(masks) != b or len(targets) != b or any(len(each) != n for each in targets):
        raise ValueError(
            f'predictions are for {format_count(b, "image")} with {format_count(n, "prompt")}, but '
            f'there are masks of {format_count(len(masks), "image")} and targets for '
            f'{[len(each) for each in targets]} of them'
        )
    for image, (own, indices) in enumerate(zip(masks, targets, strict=True)):
        if indices.numel() and indices.max() >= len(own):
            raise ValueError(
                f'targets of image {image} name mask {indices.max().item()} of {len(own)}'
            )
        if not len(own):
            raise ValueError(f'image {image} has no mask')
        if own.max() > 1:
            raise ValueError(
                f'masks of image {image} reach {own.max().item()}: bring them to [0, 1] first'
            )
