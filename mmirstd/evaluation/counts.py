"""Counts of one image, from its prediction and its ground truth.

`mmirstd.evaluation.rates` converts the counts of many images to ratios. They may come from any
number of processes and in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmirstd.evaluation.components import find_components
from mmirstd.evaluation.hierarchy import HierarchyCounts, count_hierarchy
from mmirstd.evaluation.matching import MAX_DISTANCE, check_matching, match_targets
from mmirstd.renamed import accept_old_arguments


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """Counts of one matching convention in one image.

    Attributes:
        hits: Whether each target is detected, in raster order.
        false_pixels: Pixels of false predicted components, as the convention defines false.
        false_predictions: Predicted components without a target.
    """

    hits: tuple[bool, ...]
    false_pixels: int
    false_predictions: int


@dataclass(frozen=True, slots=True)
class ImageCounts:
    """The counts of one image.

    Attributes:
        name: Name of the image, for reports.
        height, width: Size in pixels at which the image was evaluated.
        pixels: Number of evaluated pixels: height x width minus the ignored ones.
        tp, fp, fn: Numbers of true positive, false positive and false negative pixels.
        target_areas: Area of each ground-truth component in raster order, pixels.
        predictions: Number of predicted components.
        matches: Convention -> its counts.
        hierarchy: Counts for hIoU and its losses, if requested.
    """

    name: str
    height: int
    width: int
    pixels: int
    tp: int
    fp: int
    fn: int
    target_areas: tuple[int, ...]
    predictions: int
    matches: dict[str, TargetCounts]
    hierarchy: HierarchyCounts | None = None

    @property
    def iou(self) -> float | None:
        """IoU of the target pixels, 0..1; None without target and prediction."""
        union = self.tp + self.fp + self.fn
        return self.tp / union if union else None


def check_threshold(threshold: float) -> None:
    """Raise ValueError unless some probabilities are above ``threshold`` and others are not."""
    if not 0 <= threshold < 1:
        raise ValueError(f'threshold={threshold} must be a probability, 0 <= threshold < 1')


def check_counting(max_distance: float, curve_bins: int) -> None:
    """Raise ValueError for options that make counting impossible."""
    if not max_distance > 0:
        raise ValueError(f'max_distance={max_distance} must be a positive number of pixels')
    if curve_bins < 2:
        raise ValueError(f'curve_bins={curve_bins} must be at least 2')


@accept_old_arguments(truth='gt_mask')
def count_image(
    prediction: NDArray,
    gt_mask: NDArray,
    *,
    matchings: Sequence[str] = ('optimal',),
    max_distance: float = MAX_DISTANCE,
    hierarchy: bool = False,
    ignored: NDArray[np.bool_] | None = None,
    name: str = '',
) -> ImageCounts:
    """Compare a predicted mask with the ground truth.

    Args:
        prediction: (H, W), non-zero where a target is predicted.
        gt_mask: (H, W), non-zero where a target is, in any encoding: 1, 255, gray edges.
        matchings: Conventions to count by, see `mmirstd.evaluation.matching`.
        max_distance: Centroid distance in pixels that a hit must stay strictly below.
        hierarchy: Also count for hIoU, see `mmirstd.evaluation.hierarchy`.
        ignored: (H, W) true where pixels are not evaluated. They are removed from both masks
            before components are found, and from the number of pixels.
        name: Name of the image, for reports and error messages.

    Raises:
        ValueError: The shapes differ or are not two-dimensional, or a convention is unknown.
    """
    shapes = [prediction.shape, gt_mask.shape] + ([] if ignored is None else [ignored.shape])
    if gt_mask.ndim != 2 or not gt_mask.size or len(set(shapes)) != 1:
        raise ValueError(
            f'{name or "image"}: prediction {prediction.shape} and ground truth {gt_mask.shape} '
            'must be masks (H, W) of the same size; resize one of them before counting'
        )
    for matching in matchings:
        check_matching(matching)
    pixels = gt_mask.size
    if ignored is not None:
        prediction, gt_mask = (prediction != 0) & ~ignored, (gt_mask != 0) & ~ignored
        pixels -= int(np.count_nonzero(ignored))

    targets, predictions = find_components(gt_mask), find_components(prediction)
    tp = int(np.count_nonzero(prediction.ravel()[targets.pixels]))
    matches = {}
    for matching in matchings:
        found = match_targets(targets, predictions, matching, max_distance=max_distance)
        matches[matching] = TargetCounts(
            tuple(t in found.partner for t in range(len(targets))),
            found.false_pixels,
            found.false_predictions,
        )
    return ImageCounts(
        name=name,
        height=gt_mask.shape[0],
        width=gt_mask.shape[1],
        pixels=pixels,
        tp=tp,
        fp=len(predictions.pixels) - tp,
        fn=len(targets.pixels) - tp,
        target_areas=tuple(targets.areas.tolist()),
        predictions=len(predictions),
        matches=matches,
        hierarchy=count_hierarchy(targets, predictions, max_distance) if hierarchy else None,
    )
