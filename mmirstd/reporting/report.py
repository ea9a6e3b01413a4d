"""Running a detector over images with known masks: counts, curves and its worst images.

Images are evaluated at their own size, unlike in a test loop whose pipeline evaluates at the
size of the network's input.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmirstd.evaluation.counts import ImageCounts, count_image
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
from mmirstd.evaluation.rates import Scores, score_images
from mmirstd.inference.detector import Detector
from mmirstd.inference.results import Detection
from mmirstd.inference.sources import Source, find_sources
from mmirstd.io.masks import read_mask

MATCHINGS = ('optimal', 'legacy')
"""Conventions that are counted; see `mmirstd.evaluation.matching`. The first orders images."""


@dataclass(frozen=True)
class Labelled:
    """An image and the file of its mask."""

    source: Source
    mask: Path


@dataclass(frozen=True)
class WorstImage:
    """An image on which a detector did badly.

    Attributes:
        counts: What was counted on it.
        detection: What was detected.
        truth: Its mask (H, W), 0 and 1.
    """

    counts: ImageCounts
    detection: Detection
    truth: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """What became of one detector.

    Attributes:
        counts: Of every image, in order.
        scores: Under each of `MATCHINGS`.
        pixels: Pixel ROC and precision-recall curve.
        targets: Pd-Fa curve under the first convention.
        worst: The worst images, worst first.
    """

    counts: list[ImageCounts]
    scores: list[Scores]
    pixels: PixelCurve
    targets: TargetCurve
    worst: list[WorstImage]


def pair_with_masks(images: str | Path, masks: str | Path) -> list[Labelled]:
    """Pair the images of a folder with the masks of the same name, whatever their suffix.

    Raises:
        FileNotFoundError: A folder is empty or absent, or an image has no mask; every image
            without one is counted and the first is named.
    """
    known = {source.name: source.path for source in find_sources(masks)}
    sources = find_sources(images)
    lonely = [source for source in sources if source.name not in known]
    if lonely:
        raise FileNotFoundError(
            f'{len(lonely)} of {len(sources)} images have no mask of their name in {masks}, the '
            f'first is {lonely[0]}'
        )
    return [Labelled(source, known[source.name]) for source in sources]


def badness(counts: ImageCounts) -> tuple[int, float]:
    """How bad an image came out: misses and false targets, then 1 - IoU."""
    found = counts.matches[MATCHINGS[0]]
    wrong = found.hits.count(False) + found.false_predictions
    union = counts.tp + counts.fp + counts.fn
    return wrong, 1 - counts.tp / union if union else 0.0


def evaluate(
    detector: Detector,
    images: Sequence[Labelled],
    *,
    batch_size: int = 1,
    keep_worst: int = 12,
    progress: Callable[[], None] | None = None,
) -> Evaluation:
    """Run ``detector`` over labelled images.

    Args:
        detector: What to evaluate.
        images: Images with masks.
        batch_size: Images given to the network at once.
        keep_worst: Number of images that are kept for a gallery.
        progress: Called after every image.

    Raises:
        ValueError: There is no image, a file is unusable, or a mask is of another size than its
            image.
    """
    if not images:
        raise ValueError('there are no images to evaluate')
    counts: list[ImageCounts] = []
    histograms, sweeps = [], []
    worst: list[tuple[tuple[int, float], int, WorstImage]] = []
    stream = detector.stream([image.source for image in images], batch_size=batch_size)
    for number, (image, detection) in enumerate(zip(images, stream, strict=True)):
        truth = read_mask(image.mask)
        found = count_image(detection.mask, truth, matchings=MATCHINGS, name=detection.source.name)
        counts.append(found)
        histograms.append(pixel_histogram(detection.probability, truth, CURVE_BINS))
        sweeps.append(
            sweep_thresholds(detection.probability, truth, CURVE_THRESHOLDS, MATCHINGS[0])
        )
        # Of equally bad images the first ones are kept.
        entry = (badness(found), -number, WorstImage(found, detection, truth))
        if len(worst) < keep_worst:
            heapq.heappush(worst, entry)
        elif keep_worst:
            heapq.heappushpop(worst, entry)
        if progress is not None:
            progress()
    return Evaluation(
        counts=counts,
        scores=[score_images(counts, matching) for matching in MATCHINGS],
        pixels=pixel_curve(histograms),
        targets=target_curve(
            sweeps,
            CURVE_THRESHOLDS,
            MATCHINGS[0],
            targets=sum(len(each.target_areas) for each in counts),
            pixels=sum(each.pixels for each in counts),
        ),
        worst=[entry for _, _, entry in sorted(worst, key=lambda e: e[:2], reverse=True)],
    )
