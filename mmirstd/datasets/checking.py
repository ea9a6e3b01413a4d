"""Checking the files of a dataset and counting its images and targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mmirstd.datasets.intensity import looks_coloured
from mmirstd.datasets.labels.formats import labels_hint
from mmirstd.datasets.layouts.pairing import Pair
from mmirstd.datasets.resampling import Size, resize_mask
from mmirstd.datasets.selection import Selection, select_pairs
from mmirstd.datasets.splits import load_split, split_names
from mmirstd.io.images.masks import describe_void, is_all_void, label_pixels, read_mask_values
from mmirstd.io.images.reading import read_image
from mmirstd.io.threads import map_in_order
from mmirstd.wording import format_count, list_some

SUSPICIOUS_FRACTION = 0.5
"""A mask with more target than this is probably inverted."""


@dataclass(frozen=True)
class PairFacts:
    """What was measured on a readable pair.

    Attributes:
        image: The image file.
        shape: (height, width) of the image.
        pixels: Kind of pixels, e.g. 'uint8 gray'.
        mask_values: Values of the mask file: '0', '0, 255', 'grays' or others; None without a mask.
        areas: Pixels of each target (8-connected), in the order of their labels.
        resized_targets: Number of targets after the mask was resized, None if it was not.
        pseudo_colour: Whether the image looks coloured, which infrared images are not.
        values: Smallest and largest value of the image.
        all_void: Whether the mask has void pixels and no target.
    """

    image: Path
    shape: Size
    pixels: str
    mask_values: str | None
    areas: tuple[int, ...]
    resized_targets: int | None
    pseudo_colour: bool = False
    values: tuple[float, float] = (0.0, 0.0)
    all_void: bool = False


@dataclass(frozen=True)
class ListCount:
    """How many images of a list exist.

    Attributes:
        name: Published list or folder of the layout.
        listed: Number of images that it names.
        images: Number of those that exist and are readable.
        targets: Number of targets in these.
    """

    name: str
    listed: int
    images: int
    targets: int


@dataclass
class DatasetReport:
    """Result of :func:`check_dataset`.

    Attributes:
        selection: The files that were checked.
        facts: Measurements of readable pairs in the order of the list.
        problems: What is wrong, each with its file.
        notes: Declared defects and what else a user should know.
        lists: Counts of published splits; only for whole folders.
    """

    selection: Selection
    facts: list[PairFacts] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lists: list[ListCount] = field(default_factory=list)

    @property
    def areas(self) -> np.ndarray:
        """Areas of all targets in pixels, int64 (T,)."""
        return np.array([area for facts in self.facts for area in facts.areas], np.int64)

    @property
    def images_without_target(self) -> int:
        """Number of images with a mask that contains no target."""
        return sum(not facts.areas for facts in self.facts if facts.mask_values is not None)

    @property
    def foreground_fraction(self) -> float:
        """Target pixels over all pixels."""
        pixels = sum(height * width for height, width in (facts.shape for facts in self.facts))
        return float(self.areas.sum()) / pixels if pixels else 0.0

    @property
    def resized_targets(self) -> int | None:
        """Number of targets after resizing, None if nothing was resized."""
        counts = [facts.resized_targets for facts in self.facts]
        return None if not counts or None in counts else sum(counts)

    def counter(self, attribute: str) -> Counter:
        """Values of an attribute of the facts and how many images have them."""
        return Counter(getattr(facts, attribute) for facts in self.facts)


def target_areas(mask: np.ndarray) -> tuple[int, ...]:
    """Pixels of each 8-connected component of a uint8 mask (H, W) of 0 and 1."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return tuple(int(area) for area in stats[1:, cv2.CC_STAT_AREA])


def _mask_values(mask: np.ndarray) -> str:
    """Name the values of a mask file (H, W) or (H, W, 3)."""
    values = np.unique(mask)
    if mask.dtype == bool or len(values) <= 3:
        return ', '.join(str(int(value)) for value in values)
    return 'grays' if mask.ndim == 2 else 'colours'


def _pixel_kind(image: np.ndarray) -> str:
    if image.ndim == 2:
        return f'{image.dtype} gray'
    same = (image[..., :1] == image).all()
    return f'{image.dtype} {"gray in 3 channels" if same else "colour"}'


def measure_pair(
    pair: Pair,
    mismatched_mask_shape: Size | None = None,
    resize_to: int | None = None,
    mask_threshold: float = 0,
    void_value: int | None = None,
) -> PairFacts:
    """Read a pair and count its targets; see :func:`check_dataset`.

    ``mismatched_mask_shape`` is the size of a mask that is declared to differ from its image's.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: A file is unusable, or image and mask differ in size without declaration.
    """
    image = read_image(pair.image)
    shape = image.shape[:2]
    kind = _pixel_kind(image)
    more = {
        'pseudo_colour': looks_coloured(image),
        'values': (float(image.min()), float(image.max())),
    }
    if pair.mask is None:
        return PairFacts(pair.image, shape, kind, None, (), None, **more)
    stored = read_mask_values(pair.mask, mask_threshold, void_value=void_value)
    labels, values = label_pixels(stored, mask_threshold, void_value), _mask_values(stored)
    more['all_void'] = is_all_void(labels)
    mask = (labels == 1).astype(np.uint8)
    if mask.shape != shape:
        if mask.shape != mismatched_mask_shape:
            raise ValueError(
                f'{pair.mask}: the mask is {mask.shape[0]} x {mask.shape[1]} (height x width), its '
                f'image {pair.image} is {shape[0]} x {shape[1]}'
            )
        mask = resize_mask(mask, shape)
    resized = None
    if resize_to is not None:
        resized = len(target_areas(resize_mask(mask, (resize_to, resize_to))))
    return PairFacts(pair.image, shape, kind, values, target_areas(mask), resized, **more)


def check_dataset(
    root: str | Path,
    split: str | None = None,
    *,
    resize_to: int | None = None,
    images_only: bool = False,
    mask_threshold: float = 0,
    void_value: int | None = None,
    progress: Callable[[Iterable[Pair]], Iterable[Pair]] = iter,
    **selection_args: object,
) -> DatasetReport:
    """Read every image and mask of a dataset.

    Args:
        root: Folder of the dataset.
        split: As for :class:`mmirstd.datasets.irstd.IRSTDDataset`; None checks the whole folder
            and counts the published splits in it.
        resize_to: Also count targets after a nearest resize to this square.
        images_only: Whether a folder without any mask is accepted (inference).
        mask_threshold: Value that target pixels exceed; above 0 for masks with the noise of JPEG.
        void_value: Value of mask pixels that are not scored.
        progress: Wraps the pairs, to show a progress bar.
        **selection_args: Further arguments of :func:`mmirstd.datasets.selection.select_pairs`.

    Raises:
        FileNotFoundError: The folder or the list does not exist.
        ValueError: The layout, split or dataset is unknown, or names are ambiguous.
    """
    selection = select_pairs(root, split, missing='report', **selection_args)
    report = DatasetReport(selection)
    report.problems += [f'listed image not found: {name}' for name in selection.missing_images]
    report.problems += [f'image without mask: {pair.image}' for pair in selection.missing_masks]
    if selection.missing_masks and (hint := labels_hint(selection.root)):
        report.notes.append(hint)
    report.problems += [f'mask without image: {path}' for path in selection.orphan_masks]
    if not selection.pairs:
        report.problems.append(f'no pair of image and mask in {selection.root}')
    report.notes += selection.warnings
    if selection.damaged:
        report.notes.append(
            f'{format_count(len(selection.damaged), "image")} left out: their files are declared '
            f'damaged in every copy of {selection.dataset.title}'
        )

    def measure(pair: Pair) -> PairFacts | str:
        mismatched = selection.mismatched_masks.get(pair.name)
        try:
            return measure_pair(pair, mismatched, resize_to, mask_threshold, void_value)
        except (OSError, ValueError) as error:
            return str(error)

    for measured in map_in_order(measure, progress(selection.pairs)):
        (report.problems if isinstance(measured, str) else report.facts).append(measured)
    report.problems += _problems(report, images_only)
    report.notes += _notes(report)
    all_void = [facts.image for facts in report.facts if facts.all_void]
    report.notes += describe_void(all_void, len(report.facts), void_value)
    if split is None:
        report.lists = list(_count_lists(report, selection_args))
    return report


def _problems(report: DatasetReport, images_only: bool) -> Iterator[str]:
    """What is wrong with the set as a whole, although each file can be read."""
    with_mask = [facts for facts in report.facts if facts.mask_values is not None]
    if report.facts and not with_mask and not images_only:
        hint = labels_hint(report.selection.root)
        yield 'no image has a mask, so nothing can be trained or scored' + (
            f'. {hint}' if hint else
            '; if the images are only for inference, say so (--images-only)'
        )  # fmt: skip
    elif with_mask and not len(report.areas):
        yield 'no mask has a target: are these the right masks?'
    marked = [
        facts.image
        for facts in with_mask
        if sum(facts.areas) > SUSPICIOUS_FRACTION * facts.shape[0] * facts.shape[1]
    ]
    if marked:
        yield (
            f'more than half of the image is target in {len(marked)} of '
            f'{format_count(len(with_mask), "image")}, are the masks inverted? {list_some(marked)}'
        )


def _notes(report: DatasetReport) -> Iterator[str]:
    for kind, count in report.counter('pixels').items():
        if kind.startswith(('uint8', 'bool')):
            continue
        values = [facts.values for facts in report.facts if facts.pixels == kind]
        low, high = min(least for least, _ in values), max(most for _, most in values)
        yield (
            f'{format_count(count, "image is", "images are")} {kind} with values {low:g} to '
            f'{high:g}: LoadIRImage '
        ) + (
            'scales the whole range of the type; give an intensity_range if the sensor uses less'
            if kind.startswith('uint')
            else 'needs an intensity_range for them'
        )
    coloured = [facts.image for facts in report.facts if facts.pseudo_colour]
    if coloured:
        yield (
            f'in colour: {len(coloured)} of {format_count(len(report.facts), "image")}, such as '
            f'{coloured[0]}: a palette hides the values of the sensor, so export gray images if '
            'you can'
        )


def _count_lists(report: DatasetReport, selection_args: dict) -> Iterator[ListCount]:
    """Count the folders of the layout and the published splits of the dataset."""
    selection = report.selection
    by_image = {facts.image: facts for facts in report.facts}
    names = [section.name for section in selection.layout.sections_in(selection.root)]
    names = [name for name in names if name]
    if selection.dataset is not None:
        names += split_names(selection.dataset.key)
    for name in names:
        part = select_pairs(selection.root, name, missing='report', **selection_args)
        found = [by_image[pair.image] for pair in part.pairs if pair.image in by_image]
        listed = len(load_split(name).names) if '/' in name else len(part.pairs)
        if found:
            targets = sum(len(facts.areas) for facts in found)
            yield ListCount(name, listed, len(found), targets)
