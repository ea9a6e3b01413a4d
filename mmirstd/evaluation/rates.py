"""From the counts of many images to the ratios in papers.

The result contains the whole numbers of every ratio. A ratio with denominator zero (Pd of a set
without targets) is NaN, never 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, nan

from mmirstd.evaluation.counts import ImageCounts
from mmirstd.evaluation.hierarchy import HierarchyScores, score_hierarchy

SIZE_EDGES = (10, 25, 81)
"""Default limits between target sizes, in pixels. 81 = 9 x 9 is the usual "small" target limit."""

EMPTY_IOU = ('one', 'zero', 'skip')
"""What an image without target and prediction adds to nIoU, see `score_images`."""


@dataclass(frozen=True, slots=True)
class SizeBin:
    """Number of targets of ``low`` to ``high`` pixels (both included), and of their hits.

    ``high`` is None for the largest targets.
    """

    low: int
    high: int | None
    targets: int
    hits: int

    @property
    def label(self) -> str:
        """Name of the bin, such as ``'10-24'`` or ``'81+'``."""
        return f'{self.low}+' if self.high is None else f'{self.low}-{self.high}'

    @property
    def pd(self) -> float:
        """Probability of detection within the bin, 0..1."""
        return _ratio(self.hits, self.targets)


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of a set of images under one convention.

    Attributes:
        matching: Convention of the target-level numbers.
        empty_iou: Convention of nIoU for images without target and prediction.
        images: Number of images; ``empty_images`` of them have neither target nor prediction.
        pixels: Evaluated pixels of all images; ``ignored`` more were left out.
        fa_pixels: Denominator of Fa; equals ``pixels`` unless a fixed size was set.
        tp, fp, fn: Pixels predicted rightly, predicted wrongly, and missed.
        targets, hits: Ground-truth components, and those that are detected.
        predictions, false_predictions: Predicted components, and those without a target.
        false_pixels: Numerator of Fa.
        iou_sum, iou_images: nIoU is their quotient.
        smallest, largest: Smallest and largest evaluated (height, width), by area.
        sizes: Number of different evaluated sizes.
        by_size: Pd per target size.
        hierarchy: hIoU and its losses; None unless every image was counted for it.
    """

    matching: str
    empty_iou: str
    images: int
    empty_images: int
    pixels: int
    ignored: int
    fa_pixels: int
    tp: int
    fp: int
    fn: int
    targets: int
    hits: int
    predictions: int
    false_predictions: int
    false_pixels: int
    iou_sum: float
    iou_images: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    sizes: int
    by_size: tuple[SizeBin, ...]
    hierarchy: HierarchyScores | None = None

    @property
    def iou(self) -> float:
        """Pooled IoU: TP / (TP + FP + FN) over the pixels of all images, 0..1."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def niou(self) -> float:
        """Mean over the images of each image's IoU, 0..1."""
        return _ratio(self.iou_sum, self.iou_images)

    @property
    def precision(self) -> float:
        """TP / (TP + FP) over pixels, 0..1."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN) over pixels, 0..1."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of pixel precision and recall: 2 TP / (2 TP + FP + FN), 0..1."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def pd(self) -> float:
        """Probability of detection: hits / targets, 0..1. Also the recall of targets."""
        return _ratio(self.hits, self.targets)

    @property
    def fa(self) -> float:
        """False-alarm rate: pixels of false components per evaluated pixel, a plain ratio."""
        return _ratio(self.false_pixels, self.fa_pixels)

    @property
    def target_precision(self) -> float:
        """Hits / predicted components, 0..1."""
        return _ratio(self.hits, self.predictions)

    @property
    def target_f1(self) -> float:
        """Harmonic mean of target precision and Pd: 2 hits / (targets + predictions), 0..1."""
        return _ratio(2 * self.hits, self.targets + self.predictions)


def score_images(
    images: Sequence[ImageCounts],
    matching: str,
    *,
    empty_iou: str = 'one',
    size_edges: Sequence[int] = SIZE_EDGES,
    fa_pixels_per_image: int | None = None,
) -> Scores:
    """Score a set of images.

    Args:
        images: Counts of each image, made with ``matching`` among their conventions.
        matching: Convention of Pd, Fa and the target-level numbers.
        empty_iou: IoU of an image without target and prediction: ``'one'`` (it is right),
            ``'zero'`` (as in the published nIoU code) or ``'skip'`` (not averaged).
        size_edges: Areas in pixels at which a new bin of target sizes begins.
        fa_pixels_per_image: Fixed denominator of Fa per image; None takes the evaluated pixels.
            ISNet and IRSAM use 512 * 512 for images of any size.

    Raises:
        ValueError: There are no images, they were not counted by ``matching``, or an option is
            unknown.
    """
    check_options(empty_iou, size_edges, fa_pixels_per_image)
    if not images:
        raise ValueError('no images to score: the set is empty')
    uncounted = next((image for image in images if matching not in image.matches), None)
    if uncounted is not None:
        raise ValueError(
            f'{uncounted.name or "an image"} was not counted by matching={matching!r} but by '
            f'{", ".join(uncounted.matches) or "none"}; name it in count_image(matchings=...)'
        )

    ious = [image.iou for image in images if image.iou is not None]
    empty_images = len(images) - len(ious)
    if empty_iou != 'skip':
        ious += [1.0 if empty_iou == 'one' else 0.0] * empty_images
    found = [image.matches[matching] for image in images]
    pixels = sum(image.pixels for image in images)
    sizes = sorted(
        {(image.height, image.width) for image in images},
        key=lambda size: (size[0] * size[1], size),
    )
    return Scores(
        matching=matching,
        empty_iou=empty_iou,
        images=len(images),
        empty_images=empty_images,
        pixels=pixels,
        ignored=sum(image.height * image.width for image in images) - pixels,
        fa_pixels=fa_pixels_per_image * len(images) if fa_pixels_per_image else pixels,
        tp=sum(image.tp for image in images),
        fp=sum(image.fp for image in images),
        fn=sum(image.fn for image in images),
        targets=sum(len(image.target_areas) for image in images),
        hits=sum(sum(match.hits) for match in found),
        predictions=sum(image.predictions for image in images),
        false_predictions=sum(match.false_predictions for match in found),
        false_pixels=sum(match.false_pixels for match in found),
        iou_sum=fsum(ious),  # exactly rounded, so the order of the images does not matter
        iou_images=len(ious),
        smallest=sizes[0],
        largest=sizes[-1],
        sizes=len(sizes),
        by_size=_by_size(images, matching, size_edges),
        hierarchy=score_hierarchy([image.hierarchy for image in images]),
    )


def as_numbers(scores: Sequence[Scores]) -> dict[str, float | int]:
    """Name the numbers of a result.

    Args:
        scores: The same images under one or more conventions. The first has the plain names; the
            others add ``Pd_<matching>`` and ``Fa_<matching>``.

    Returns:
        Ratios as floats (percent; Fa in 1e-6; NaN if undefined) and counts as ints. Pd per target
        size, such as ``Pd_10-24px``, is missing if there are no such targets, and hIoU if it was
        not counted.
    """
    main = scores[0]
    numbers: dict[str, float | int] = {
        'IoU': 100 * main.iou,
        'nIoU': 100 * main.niou,
        'Pd': 100 * main.pd,
        'Fa': 1e6 * main.fa,
        'Precision': 100 * main.precision,
        'Recall': 100 * main.recall,
        'F1': 100 * main.f1,
        'target_Precision': 100 * main.target_precision,
        'target_F1': 100 * main.target_f1,
    }
    for other in scores[1:]:
        numbers[f'Pd_{other.matching}'] = 100 * other.pd
        numbers[f'Fa_{other.matching}'] = 1e6 * other.fa
    for size in main.by_size:
        if size.targets:
            # MLflow accepts no '+' in names.
            sizes = f'over{size.low - 1}' if size.high is None else size.label
            numbers[f'Pd_{sizes}px'] = 100 * size.pd
    if main.hierarchy is not None:
        numbers |= {name: 100 * ratio for name, ratio in main.hierarchy.ratios().items()}
    counts = ('images', 'pixels', 'tp', 'fp', 'fn', 'targets', 'hits', 'predictions')
    for name in (*counts, 'false_predictions', 'false_pixels'):
        numbers[name] = getattr(main, name)
    return numbers


def check_options(
    empty_iou: str, size_edges: Sequence[int], fa_pixels_per_image: int | None
) -> None:
    """Raise ValueError for options that `score_images` cannot use."""
    if empty_iou not in EMPTY_IOU:
        raise ValueError(
            f'empty_iou={empty_iou!r} is unknown; choose one of {", ".join(EMPTY_IOU)}'
        )
    edges = list(size_edges)
    if edges != sorted(set(edges)) or any(edge < 2 for edge in edges):
        raise ValueError(
            f'size_edges={size_edges!r} must be areas in pixels, ascending, from 2 upwards'
        )
    if fa_pixels_per_image is not None and fa_pixels_per_image <= 0:
        raise ValueError(f'fa_pixels_per_image={fa_pixels_per_image} must be positive or None')


def _by_size(
    images: Sequence[ImageCounts], matching: str, size_edges: Sequence[int]
) -> tuple[SizeBin, ...]:
    lows = (1, *size_edges)
    highs = (*(edge - 1 for edge in size_edges), None)
    targets = [
        (area, hit)
        for image in images
        for area, hit in zip(image.target_areas, image.matches[matching].hits, strict=True)
    ]
    bins = []
    for low, high in zip(lows, highs, strict=True):
        inside = [hit for area, hit in targets if area >= low and (high is None or area <= high)]
        bins.append(SizeBin(low, high, len(inside), sum(inside)))
    return tuple(bins)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else nan
