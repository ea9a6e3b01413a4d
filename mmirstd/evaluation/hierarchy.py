"""hIoU: how well targets are found, times how well the found ones are segmented.

Defined in "Rethinking Evaluation of Infrared Small Target Detection" (Pang et al., NeurIPS 2025,
arXiv 2509.16888) and computed as in its package PyIRSTDMetrics, with the pairs of the matching
``'opdc'`` (see `mmirstd.evaluation.matching`):

- location: pairs / (pairs + false predictions + missed targets) of all images;
- segmentation: mean IoU of all pairs;
- hIoU: their product.

Losses have causes. Those of location are shares of the same sum:

``S2M``  missed target near a prediction: one prediction for several targets.
``M2S``  false prediction near a target: several predictions for one target.
``ITF``  any other false prediction: interference of the background.
``PCP``  any other missed target: it was not perceived.

Those of segmentation are shares of the union of a pair, averaged over the pairs:

``MRG``  predicted pixels on other targets: targets are merged.
``ITF``  predicted pixels on the background.
``PCP``  pixels of the target that are not predicted.

Near means centroids less than ``max_distance`` apart. Location and its four losses add up to 1, and
so do segmentation and its three.
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
    """Pixels of the union of a target and its prediction.

    Attributes:
        shared: Pixels of both.
        merged: Predicted pixels on other targets.
        background: Predicted pixels on the background.
        missed: Target pixels outside of the prediction.
    """

    shared: int
    merged: int
    background: int
    missed: int


@dataclass(frozen=True, slots=True)
class HierarchyCounts:
    """Counts of one image.

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
    """hIoU of a set of images and its losses as ratios 0..1; see the module docstring.

    Attributes:
        location: Location; NaN without targets and predictions.
        segmentation: Mean IoU of the pairs; NaN without pairs.
        location_losses: S2M, M2S, ITF, PCP -> share.
        segmentation_losses: MRG, ITF, PCP -> share.
    """

    location: float
    segmentation: float
    location_losses: dict[str, float]
    segmentation_losses: dict[str, float]

    @property
    def hiou(self) -> float:
        """Location times segmentation; 0 if no target is located."""
        return self.location and self.location * self.segmentation

    def ratios(self) -> dict[str, float]:
        """All ratios by their names in reports."""
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
    """Count one image from the components of ground truth and prediction.

    ``max_distance`` is in pixels; see the module docstring.
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
    missed = ~np.isin(np.arange(len(targets)), list(partner))
    false = ~np.isin(np.arange(len(predictions)), list(partner.values()))
    merged = int(np.count_nonzero(near.any(axis=1) & missed))
    split = int(np.count_nonzero(near.any(axis=0) & false))
    return HierarchyCounts(
        pairs, merged, split, int(false.sum()) - split, int(missed.sum()) - merged
    )


def score_hierarchy(images: Sequence[HierarchyCounts | None]) -> HierarchyScores | None:
    """HIoU of a set of images; None if there are none, or one was not counted for hIoU."""
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
    total = len(pairs) + sum(losses.values()) or nan
    return HierarchyScores(
        location=len(pairs) / total,
        segmentation=_mean_share(pairs, 'shared'),
        location_losses={cause: number / total for cause, number in losses.items()},
        segmentation_losses={
            'MRG': _mean_share(pairs, 'merged'),
            'ITF': _mean_share(pairs, 'background'),
            'PCP': _mean_share(pairs, 'missed'),
        },
    )


def _mean_share(pairs: Sequence[PairPixels], part: str) -> float:
    """Mean share of ``part`` in the union of a pair; NaN without pairs."""
    if not pairs:
        return nan
    return fsum(getattr(pair, part) / sum(pair) for pair in pairs) / len(pairs)
