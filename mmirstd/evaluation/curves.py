"""Curves over the threshold: pixel ROC and precision-recall, and Pd against Fa.

A pixel is predicted at threshold t if its probability is above t. There are two kinds of curve:

* Pixel curves come from a histogram of the probabilities with equal bins over 0..1, so that images
  can be counted in any number of processes. The area under such a curve depends on the number of
  bins, because all false positives of a good model may be between two thresholds. So an AUC is
  always given with its bins. `Scorer` first rounds probabilities to 16 bits, as in files, because
  most pixels are near 0, where the rounding determines the area.
* The Pd-Fa curve matches components again at every threshold. Neither axis is always monotonic (a
  lower threshold merges neighbours), and Fa has no natural upper limit, so no area is computed.

Shapes: H, W mask size in pixels; B bins; T thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from mmirstd.evaluation.components import find_components
from mmirstd.evaluation.matching import MAX_DISTANCE, match_targets

CURVE_BINS = 1000
"""Default number of bins over 0..1 for the pixel curves."""

CURVE_THRESHOLDS = tuple(i / 20 for i in range(20))
"""Default thresholds of the Pd-Fa curve: 0, 0.05, ... 0.95."""


@dataclass(frozen=True, slots=True)
class PixelCurve:
    """Pixel ROC and precision-recall curve, thresholds ascending.

    Attributes:
        bins: Number B of bins of the histogram.
        thresholds: (B + 2,) -inf (every pixel is predicted), 0, 1/B, ... 1 (none is).
        tp, fp: (B + 2,) int64, true and false positive pixels at each threshold.
        positives, negatives: Target and background pixels of the ground truth.
    """

    bins: int
    thresholds: NDArray[np.float64]
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    positives: int
    negatives: int

    @property
    def tpr(self) -> NDArray[np.float64]:
        """(B + 2,) true-positive rate, also called recall; NaN without target pixels."""
        return self.tp / self.positives if self.positives else np.full(len(self.tp), nan)

    @property
    def fpr(self) -> NDArray[np.float64]:
        """(B + 2,) false-positive rate; NaN without background pixels."""
        return self.fp / self.negatives if self.negatives else np.full(len(self.fp), nan)

    @property
    def precision(self) -> NDArray[np.float64]:
        """(B + 2,) precision; 1 where nothing is predicted, the usual end of the curve."""
        predicted = self.tp + self.fp
        return np.where(predicted > 0, self.tp / np.maximum(predicted, 1), 1.0)

    @property
    def roc_auc(self) -> float:
        """Area under the ROC curve by the trapezoidal rule, 0..1. State `bins` with it."""
        return float(-np.sum(np.diff(self.fpr) * (self.tpr[1:] + self.tpr[:-1]) / 2))

    @property
    def average_precision(self) -> float:
        """Area under the precision-recall curve as a sum of steps, 0..1. State `bins` with it."""
        return float(-np.sum(np.diff(self.tpr) * self.precision[:-1]))


@dataclass(frozen=True, slots=True)
class TargetCurve:
    """Pd and Fa over the threshold.

    Attributes:
        matching: Convention of matching.
        thresholds: (T,) ascending.
        hits, false_pixels: (T,) int64, detected targets and pixels of false components.
        targets: Ground-truth components.
        pixels: Denominator of Fa.
    """

    matching: str
    thresholds: NDArray[np.float64]
    hits: NDArray[np.int64]
    false_pixels: NDArray[np.int64]
    targets: int
    pixels: int

    @property
    def pd(self) -> NDArray[np.float64]:
        """(T,) probability of detection 0..1; NaN without targets."""
        return self.hits / self.targets if self.targets else np.full(len(self.hits), nan)

    @property
    def fa(self) -> NDArray[np.float64]:
        """(T,) false pixels per evaluated pixel."""
        return self.false_pixels / self.pixels

    @property
    def useful(self) -> slice:
        """Thresholds from the lowest one with the largest Pd upwards.

        Below it, components merge and targets are lost again. At threshold 0, one component may
        fill the image, with Fa 1 and no hit.
        """
        return slice(int(np.argmax(self.hits)), None)


def pixel_histogram(
    probability: NDArray, gt_mask: NDArray, bins: int, ignored: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Count the probabilities of background and of target pixels.

    Args:
        probability: (H, W) float, 0..1.
        gt_mask: (H, W), non-zero where a target is.
        bins: Number B of bins over 0..1.
        ignored: (H, W) true where pixels are not evaluated.

    Returns:
        (2, B + 1) counts of background (row 0) and target pixels (row 1). Column 0 counts the
        probabilities p = 0, column i those with (i-1)/B < p <= i/B.
    """
    cells = np.searchsorted(np.arange(bins) / bins, probability.ravel().astype(float))
    is_target = gt_mask.ravel() != 0
    if ignored is not None:
        cells, is_target = cells[~ignored.ravel()], is_target[~ignored.ravel()]
    counts = np.bincount(cells + is_target * (bins + 1), minlength=2 * (bins + 1))
    return counts.reshape(2, bins + 1)


def pixel_curve(histograms: Sequence[NDArray[np.int64]]) -> PixelCurve:
    """The curve of all images, from their histograms (2, B + 1)."""
    background, target = np.sum(np.asarray(histograms, dtype=np.int64), axis=0)
    bins = len(target) - 1
    # Pixels above the k-th threshold are in the columns from k + 1 on; all are above -inf.
    tp = np.append(np.cumsum(target[::-1])[::-1], 0)
    fp = np.append(np.cumsum(background[::-1])[::-1], 0)
    thresholds = np.concatenate([[-np.inf], np.arange(bins + 1) / bins])
    return PixelCurve(bins, thresholds, tp, fp, int(tp[0]), int(fp[0]))


def sweep_thresholds(
    probability: NDArray,
    gt_mask: NDArray,
    thresholds: Sequence[float],
    matching: str,
    *,
    max_distance: float = MAX_DISTANCE,
    ignored: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Match the components of one image at every threshold.

    Args:
        probability: (H, W) float, 0..1.
        gt_mask: (H, W), non-zero where a target is.
        thresholds: T values; a pixel is predicted if its probability exceeds them.
        matching: Convention, see `mmirstd.evaluation.matching`.
        max_distance: Centroid distance in pixels that a hit must stay strictly below.
        ignored: (H, W) true where pixels are not evaluated.

    Returns:
        (T, 2) hits and false pixels.
    """
    gt_mask = gt_mask != 0
    if ignored is not None:
        gt_mask = gt_mask & ~ignored
        probability = np.where(ignored, -np.inf, probability)
    targets = find_components(gt_mask)
    counts = np.zeros((len(thresholds), 2), dtype=np.int64)
    for row, threshold in enumerate(thresholds):
        found = match_targets(
            targets, find_components(probability > threshold), matching, max_distance=max_distance
        )
        counts[row] = len(found.partner), found.false_pixels
    return counts


def target_curve(
    sweeps: Sequence[NDArray[np.int64]],
    thresholds: Sequence[float],
    matching: str,
    *,
    targets: int,
    pixels: int,
) -> TargetCurve:
    """The curve of all images, from their sweeps (T, 2) and the denominators of Pd and Fa."""
    hits, false_pixels = np.sum(np.asarray(sweeps, dtype=np.int64), axis=0).T
    return TargetCurve(
        matching, np.asarray(thresholds, dtype=float), hits, false_pixels, targets, pixels
    )
