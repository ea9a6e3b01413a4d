"""Evaluate a detector on images with ground truth: counts, curves and its worst images.

Images are evaluated at their own size, whereas the pipeline of a test loop may evaluate at the
size of the model's input.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmirstd.evaluation.counts import ImageCounts
from mmirstd.evaluation.scorer import Scorer, SetScores
from mmirstd.inference.detector import Detector
from mmirstd.inference.results import Detection
from mmirstd.inference.sources import Source, find_sources
from mmirstd.io.images.masks import VOID, read_mask
from mmirstd.wording import format_count

REPORTED_MATCHINGS = ('optimal', 'legacy')
"""Evaluated conventions, see `mmirstd.evaluation.matching`. The first one ranks the images."""


@dataclass(frozen=True)
class ImageAndMask:
    """An image and the file of its mask."""

    source: Source
    mask: Path


@dataclass(frozen=True)
class WorstImage:
    """An image with many errors; ``gt_mask`` is (H, W) of 0 and 1."""

    counts: ImageCounts
    detection: Detection
    gt_mask: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """Result of evaluating one detector.

    Attributes:
        result: Scores with each of `REPORTED_MATCHINGS`, curves, and counts of every image.
        worst: The worst images, worst first.
    """

    result: SetScores
    worst: list[WorstImage]


def pair_with_masks(
    images: str | Path, masks: str | Path, mask_suffix: str = ''
) -> list[ImageAndMask]:
    """Pair the images of a folder with the masks of the same name, in any file format.

    Args:
        images: Folder of images.
        masks: Folder of masks.
        mask_suffix: Suffix of the names of masks, e.g. '_pixels0'.

    Raises:
        FileNotFoundError: A folder is empty or missing, or images have no mask; the message gives
            their number and names the first one.
    """
    known = {
        source.name.removesuffix(mask_suffix): source.path
        for source in find_sources(masks)
        if source.name.endswith(mask_suffix)
    }
    sources = find_sources(images)
    unpaired = [source for source in sources if source.name not in known]
    if unpaired:
        raise FileNotFoundError(
            f'no mask of the same name in {masks} for {len(unpaired)} of '
            f'{format_count(len(sources), "image")}, such as {unpaired[0]}. If mask names have a '
            'suffix, such as _pixels0, give it with --mask-suffix'
        )
    return [ImageAndMask(source, known[source.name]) for source in sources]


def error_rank(counts: ImageCounts) -> tuple[int, float]:
    """Sort key of the errors of an image: misses plus false targets, then 1 - IoU."""
    found = counts.matches[REPORTED_MATCHINGS[0]]
    wrong = found.hits.count(False) + found.false_predictions
    return wrong, 0.0 if counts.iou is None else 1 - counts.iou


def evaluate(
    detector: Detector,
    images: Sequence[ImageAndMask],
    *,
    batch_size: int = 1,
    keep_worst: int = 12,
    void_value: int | None = None,
    progress: Callable[[], None] | None = None,
) -> Evaluation:
    """Run ``detector`` on images with masks, and score it.

    Args:
        detector: The detector to evaluate.
        images: Images with masks.
        batch_size: Images per batch of the model.
        keep_worst: Number of images to keep for a gallery.
        void_value: Value of mask pixels that are not evaluated; detections there are ignored.
        progress: Called after every image.

    Raises:
        ValueError: There is no image, a file is unusable, or a mask does not have the size of its
            image.
    """
    if not images:
        raise ValueError('there are no images to evaluate')
    scorer = Scorer(REPORTED_MATCHINGS, curves=True)
    worst: list[tuple[tuple[int, float], int, WorstImage]] = []
    stream = detector.stream([image.source for image in images], batch_size=batch_size)
    for number, (image, detection) in enumerate(zip(images, stream, strict=True)):
        labels = read_mask(image.mask, void_value=void_value)
        ignored = labels == VOID if void_value is not None else None
        if ignored is not None and ignored.shape == detection.size:
            known = np.where(ignored, np.float32(0), detection.probability)
            detection = Detection.from_probability(
                detection.source, detection.image, known, detector.threshold
            )
        gt_mask = (labels == 1).astype(np.uint8)
        facts = {'probability': detection.probability, 'name': detection.source.name}
        counts = scorer.update(detection.mask, gt_mask, ignored=ignored, **facts)
        # Of images with equal ranks, the first ones are kept.
        heapq.heappush(worst, (error_rank(counts), -number, WorstImage(counts, detection, gt_mask)))
        if len(worst) > keep_worst:
            heapq.heappop(worst)
        if progress is not None:
            progress()
    ordered = sorted(worst, key=lambda entry: entry[:2], reverse=True)
    return Evaluation(scorer.compute(), [image for _, _, image in ordered])
