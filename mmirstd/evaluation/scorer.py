"""The scores of a set of images: update with every image, merge those of other processes, compute.

`IRSTDMetric`, folders of predictions, the evaluation report and the comparison of quantised models
use it. It needs no OpenMMLab package.

Shapes: H, W size of the evaluated image in pixels; B bins; T thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmirstd.evaluation.counts import ImageCounts, check_counting, count_image
from mmirstd.evaluation.curves import (
    CURVE_BINS,
    CURVE_THRESHOLDS,
    PixelCurve,
    TargetCurve,
    pixel_curve,
    pixel_histogram,
    sweep_thresholds,
    target_curve,
)
from mmirstd.evaluation.matching import MAX_DISTANCE, check_matching
from mmirstd.evaluation.rates import (
    SIZE_EDGES,
    Scores,
    as_numbers,
    check_options,
    score_images,
)
from mmirstd.io.predictions import round_probability
from mmirstd.renamed import accept_old_arguments


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """The whole numbers of one image, which processes can exchange.

    Attributes:
        counts: Of pixels and components.
        histogram: (2, B + 1) for the pixel curves, see `pixel_histogram`; None without curves.
        sweep: (T, 2) for the Pd-Fa curve, see `sweep_thresholds`; None without curves.
    """

    counts: ImageCounts
    histogram: NDArray[np.int64] | None = None
    sweep: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class SetScores:
    """The result of a set of images.

    Attributes:
        images: Counts of every image, in the order of the updates.
        scores: Scores under each convention; the first is the reported one.
        pixel_curve: Pixel ROC and precision-recall curve; None without curves.
        target_curve: Pd-Fa curve under the first convention; None without curves.
    """

    images: list[ImageCounts]
    scores: list[Scores]
    pixel_curve: PixelCurve | None = None
    target_curve: TargetCurve | None = None

    def numbers(self) -> dict[str, float | int]:
        """The numbers of `as_numbers`, ``ROC_AUC_<bins>bins`` and ``AP_<bins>bins``."""
        numbers = as_numbers(self.scores)
        if self.pixel_curve is not None:
            bins = f'{self.pixel_curve.bins}bins'
            numbers[f'ROC_AUC_{bins}'] = self.pixel_curve.roc_auc
            numbers[f'AP_{bins}'] = self.pixel_curve.average_precision
        return numbers


class Scorer:
    """Counts predictions against the ground truth, image by image, and scores the set.

    Args:
        matchings: Conventions of Pd and Fa, see `mmirstd.evaluation.matching`; the first is the
            reported one. Repeated names count once.
        max_distance: Centroid distance in pixels that a hit must stay strictly below.
        empty_iou: What an image without target and prediction adds to nIoU, see `score_images`.
        size_edges: Areas in pixels at which a new bin of target sizes begins.
        fa_pixels_per_image: Fixed denominator of Fa per image; None takes the evaluated pixels.
        hierarchy: Also count for hIoU and its losses, see `mmirstd.evaluation.hierarchy`.
        curves: Also compute curves over the threshold; needs probabilities.
        curve_bins: Bins B of the histogram of the pixel curves.
        curve_thresholds: Thresholds T of the Pd-Fa curve.

    Raises:
        ValueError: An argument is out of range or unknown.

    Example:
        >>> scorer = Scorer()
        >>> counts = scorer.update(np.eye(4), np.eye(4))
        >>> scorer.compute().numbers()['IoU']
        100.0
    """

    def __init__(
        self,
        matchings: Sequence[str] = ('optimal',),
        *,
        max_distance: float = MAX_DISTANCE,
        empty_iou: str = 'one',
        size_edges: Sequence[int] = SIZE_EDGES,
        fa_pixels_per_image: int | None = None,
        hierarchy: bool = False,
        curves: bool = False,
        curve_bins: int = CURVE_BINS,
        curve_thresholds: Sequence[float] = CURVE_THRESHOLDS,
    ) -> None:
        for matching in matchings:
            check_matching(matching)
        if not matchings:
            raise ValueError('matchings is empty: name at least one convention')
        check_options(empty_iou, size_edges, fa_pixels_per_image)
        check_counting(max_distance, curve_bins)
        self.matchings = tuple(dict.fromkeys(matchings))
        self.max_distance = max_distance
        self.score_options = {
            'empty_iou': empty_iou,
            'size_edges': tuple(size_edges),
            'fa_pixels_per_image': fa_pixels_per_image,
        }
        self.hierarchy = hierarchy
        self.curves = curves
        self.curve_bins = curve_bins
        self.curve_thresholds = tuple(curve_thresholds)
        self.records: list[ImageRecord] = []

    def measure(
        self,
        prediction: NDArray,
        gt_mask: NDArray,
        *,
        probability: NDArray[np.floating] | None = None,
        ignored: NDArray[np.bool_] | None = None,
        name: str = '',
    ) -> ImageRecord:
        """Count one image without keeping it.

        Args:
            prediction: (H, W), non-zero where a target is predicted.
            gt_mask: (H, W), non-zero where a target is.
            probability: (H, W) in 0..1, for curves, which round it to 16 bits.
            ignored: (H, W), true where pixels are not evaluated.
            name: Name of the image, for reports and error messages.

        Raises:
            ValueError: The shapes differ, or a probability is missing.
        """
        counts = count_image(
            prediction,
            gt_mask,
            matchings=self.matchings,
            max_distance=self.max_distance,
            hierarchy=self.hierarchy,
            ignored=ignored,
            name=name,
        )
        if not self.curves:
            return ImageRecord(counts)
        if probability is None:
            raise ValueError(f'{name or "image"}: curves need a probability, there is only a mask')
        # Rounded as in files, so that a model and its files give the same curves.
        probability = round_probability(probability)
        return ImageRecord(
            counts,
            pixel_histogram(probability, gt_mask, self.curve_bins, ignored),
            sweep_thresholds(
                probability,
                gt_mask,
                self.curve_thresholds,
                self.matchings[0],
                max_distance=self.max_distance,
                ignored=ignored,
            ),
        )

    @accept_old_arguments(truth='gt_mask')
    def update(self, prediction: NDArray, gt_mask: NDArray, **options: Any) -> ImageCounts:
        """Add one image to the set, and return its counts.

        Arguments and errors are those of `measure`.
        """
        self.records.append(self.measure(prediction, gt_mask, **options))
        return self.records[-1].counts

    def merge(self, records: Sequence[ImageRecord]) -> None:
        """Add images that another scorer with the same options has measured."""
        self.records.extend(records)

    def reset(self) -> None:
        """Remove all images."""
        self.records.clear()

    def score(self, images: Sequence[ImageCounts]) -> list[Scores]:
        """Score some images under each convention.

        Raises:
            ValueError: There are none.
        """
        return [score_images(images, one, **self.score_options) for one in self.matchings]

    def compute(self) -> SetScores:
        """Score all images.

        Raises:
            ValueError: There are none.
        """
        images = [record.counts for record in self.records]
        scores = self.score(images)
        if not self.curves:
            return SetScores(images, scores)
        return SetScores(
            images,
            scores,
            pixel_curve([record.histogram for record in self.records]),
            target_curve(
                [record.sweep for record in self.records],
                self.curve_thresholds,
                self.matchings[0],
                targets=scores[0].targets,
                pixels=scores[0].fa_pixels,
            ),
        )
