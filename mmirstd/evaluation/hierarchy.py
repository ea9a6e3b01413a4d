"""hIoU: how well targets are found, times how well those that are found are segmented.

Defined in "Rethinking Evaluation of Infrared Small Target Detection" (Pang et al., NeurIPS 2025,
arXiv 2509.16888) and computed by its package PyIRSTDMetrics, on the pairs of the matching
``'opdc'`` (see `mmirstd.evaluation.matching`):

- location: pairs / (pairs + predictions without a target + targets without a prediction), counted
  over all images;
- segmentation: mean of the IoU of all pairs;
- hIoU: their product.

What is missing to 1 is divided by cause. Causes of lost location, as shares of the same sum:

``S2M``  missed target whose centroid is near that of a prediction: one prediction for several.
``M2S``  false prediction whose centroid is near that of a target: several predictions for one.
``ITF``  any other false prediction: interference of the background.
``PCP``  any other missed target: it was not perceived.

Causes of lost segmentation, as shares of the union of a pair, averaged over the pairs:

``MRG``  predicted pixels on other targets: targets are merged.
``ITF``  predicted pixels on the background.
``PCP``  pixels of the target that are not predicted.

Near means strictly less than ``max_distance``. Location and its four losses add up to 1, and so do
segmentation and its three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, nan
from typing import NamedTuple

import numpy as np

from mmirstd.evaluation.components import Components
from mmirstd.evaluation.matching import centroid_distances, match_targets, shared_pixels


class PairPixels(NamedTuple):
    """Pixels of the union of a target and the prediction that is paired with it.

    Attributes:
        shared: In both.
        merged: Predicted, on other targets.
        background: Predicted, on no target.
        missed: In the target, not predicted by the partner.
    """

    shared: int
    merged: int
    background: int
    missed: int


@dataclass(frozen=True, slots=True)
class HierarchyCounts:
    """The whole numbers of one image.

    Attributes:
        pairs: Pixels of each pair.
        merged_targets: Missed targets near a prediction (S2M).
        split_predictions: False predictions near a target (M2S).
        other_predictions: The other false predictions (ITF).
        other_targets: The other missed targets (PCP).
    """

    pairs: tuple[PairPixels, ...]
    merged_targets: int
    split_predictions: int
    other_predictions: int
    other_targets: int


@dataclass(frozen=True, slots=True)
class HierarchyScores:
    """hIoU of a set of images and what is missing to 1, as ratios 0..1.

    Attributes:
        location: Share of pairs among pairs, false predictions and missed targets; NaN for a set
            without targets and predictions.
        segmentation: Mean IoU of the pairs; NaN without pairs.
        location_losses: S2M, M2S, ITF, PCP -> share; see the module docstring.
        segmentation_losses: MRG, ITF, PCP -> share.
    """

    location: float
    segmentation: float
    location_losses: dict[str, float]
    segmentation_losses: dict[str, float]

    @property
    def hiou(self) -> float:
        """Location times segmentation, 0 where nothing is located."""
        return self.location and self.location * self.segmentation

    def ratios(self) -> dict[str, float]:
        """All numbers by the names under which they are reported."""
        return {
            'hIoU': self.hiou,
            'LocIoU': self.location,
            'SegIoU': self.segmentation,
            **{f'Loc_{cause}': share for cause, share in self.location_losses.items()},
            **{f'Seg_{cause}': share for cause, share in self.segmentation_losses.items()},
        }


def count_hierarchy(
    targets: Components, predictions: Components, max_distance: float
) -> HierarchyCounts:
    """Count one image.

    Args:
        targets: Components of the ground truth.
        predictions: Components of the prediction.
        max_distance: Centroid distance in pixels; see the module docstring.
    """
    if not (len(targets) and len(predictions)):
        return HierarchyCounts((), 0, 0, len(predictions), len(targets))
    partner = match_targets(targets, predictions, 'opdc', max_distance=max_distance).partner
    shared = shared_pixels(targets, predictions)
    on_targets = shared.sum(axis=0)
    pairs = tuple(
        PairPixels(
            shared=int(shared[t, p]),
            merged=int(on_targets[p] - shared[t, p]),
            background=int(predictions.areas[p] - on_targets[p]),
            missed=int(targets.areas[t] - shared[t, p]),
        )
        for t, p in partner.items()
    )
    near = centroid_distances(targets, predictions) < max_distance
    missed, false = np.ones(len(targets), dtype=bool), np.ones(len(predictions), dtype=bool)
    missed[list(partner)] = False
    false[list(partner.values())] = False
    merged = int(np.count_nonzero(near.any(axis=1) & missed))
    split = int(np.count_nonzero(near.any(axis=0) & false))
    return HierarchyCounts(
        pairs, merged, split, int(false.sum()) - split, int(missed.sum()) - merged
    )


def score_hierarchy(images: Sequence[HierarchyCounts | None]) -> HierarchyScores | None:
    """Score a set of images by hIoU; None if one of them was not counted for it."""
    counted = [image for image in images if image is not None]
    if not counted or len(counted) < len(images):
        return None
    pairs = [pair for image in counted for pair in image.pairs]
    losses = {
        'S2M': sum(image.merged_targets for image in counted),
        'M2S': sum(image.split_predictions for image in counted),
        'ITF': sum(image.other_predictions for image in counted),
        'PCP': sum(image.other_targets for image in counted),
    }
    total = len(pairs) + sum(losses.values())
    return HierarchyScores(
        location=len(pairs) / total if total else nan,
        segmentation=_mean_share(pairs, 'shared'),
        location_losses={
            cause: number / total if total else nan for cause, number in losses.items()
        },
        segmentation_losses={
            'MRG': _mean_share(pairs, 'merged'),
            'ITF': _mean_share(pairs, 'background'),
            'PCP': _mean_share(pairs, 'missed'),
        },
    )


def _mean_share(pairs: Sequence[PairPixels], part: str) -> float:
    """Mean over the pairs of the share that ``part`` has in the union; NaN without pairs."""
    if not pairs:
        return nan
    return fsum(getattr(pair, part) / sum(pair) for pair in pairs) / len(pairs)
