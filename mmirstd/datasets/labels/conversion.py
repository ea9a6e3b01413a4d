"""Convert boxes and polygons to masks, one PNG per image."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmirstd.datasets.labels.formats import (
    LABEL_KINDS,
    ImageLabels,
    Shape,
    find_labels,
    read_labels,
)
from mmirstd.datasets.labels.rle import decode, read_code
from mmirstd.io.folders import image_files
from mmirstd.io.images.reading import read_size
from mmirstd.io.images.writing import write_image
from mmirstd.io.outputs.guard import check_output
from mmirstd.wording import format_count, list_some

MISSING = ('error', 'empty', 'skip')
"""What to do with an image without a label file, see `convert_labels`."""


@dataclass
class Conversion:
    """Result of :func:`convert_labels`.

    Attributes:
        kind: Kind of the labels.
        masks: Number of masks written.
        targets: Number of objects drawn.
        boxes: Number of those that were labelled as boxes, which were filled.
        empty: Number of masks without a target.
        notes: Hints for the user.
    """

    kind: str
    masks: int = 0
    targets: int = 0
    boxes: int = 0
    empty: int = 0
    notes: list[str] = field(default_factory=list)


def convert_labels(
    images: str | Path,
    labels: str | Path,
    masks: str | Path,
    *,
    kind: str = 'auto',
    classes: Collection[str] | None = None,
    missing: str = 'error',
) -> Conversion:
    """Write a mask (0 and 255) for every labelled image of a folder.

    Args:
        images: Folder of the images; they give the sizes.
        labels: The COCO file, or the folder with VOC, YOLO or LabelMe files.
        masks: Folder to write to; it must not exist or be empty.
        kind: One of :data:`mmirstd.datasets.labels.formats.LABEL_KINDS`, or 'auto'.
        classes: Names of the classes that are targets (numbers for YOLO); None takes all.
        missing: What to do with an image without labels: 'error'; 'empty' writes a mask without a
            target (YOLO writes no file for such images); 'skip' writes none.

    Raises:
        FileNotFoundError: A folder or file does not exist or is empty.
        FileExistsError: ``masks`` contains files.
        ValueError: Labels cannot be read, belong to no image, or are outside of their image.
    """
    images, masks = Path(images), Path(masks)
    if missing not in MISSING:
        raise ValueError(f'missing={missing!r} must be one of {MISSING}')
    if masks.exists() and (not masks.is_dir() or any(masks.iterdir())):
        raise FileExistsError(f'{masks} exists and is not an empty folder: choose another one')
    kind, found = _read(labels, kind)
    if not images.is_dir():
        raise FileNotFoundError(f'folder of images not found: {images}')
    files = {path.relative_to(images).with_suffix('').as_posix(): path
             for path in image_files(images)}  # fmt: skip
    pairs = _pair(files, found, labels, missing)
    result = Conversion(kind)
    # Everything is drawn before the first file is written, so an error leaves no half set.
    drawn = {name: _draw(files[name], each, classes, result) for name, each in pairs.items()}
    for name, mask in drawn.items():
        write_image(check_output(f'{name}.png', folder=masks), mask * np.uint8(255))
    result.masks = len(drawn)
    result.empty = sum(not mask.any() for mask in drawn.values())
    if not result.targets:
        seen = sorted({shape.label for each in found.values() for shape in each.shapes})
        result.notes.append(f'no mask has a target; the labels have the classes {seen}')
    if result.boxes:
        result.notes.append(
            f'{format_count(result.boxes, "target was", "targets were")} labelled as boxes, which '
            'were filled: the masks show rectangles, not the outlines of targets'
        )
    crowds = sum(each.left_out for each in found.values())
    if crowds:
        result.notes.append(f'{format_count(crowds, "crowd region")} left out: not single targets')
    return result


def draw_shapes(shapes: Collection[Shape], size: tuple[int, int], source: str) -> np.ndarray:
    """Draw shapes in pixels into a mask; a pixel is inside if its centre is.

    A shape that contains no centre of a pixel marks the pixel at its middle, so no target vanishes.

    Args:
        shapes: Objects with coordinates in pixels.
        size: (height, width) of the mask.
        source: Name of the image in errors.

    Returns:
        (H, W), uint8 of 0 and 1.

    Raises:
        ValueError: A shape is outside of the image.
    """
    mask = np.zeros(size, np.uint8)
    for shape in shapes:
        if shape.code is not None:
            mask |= decode(read_code(shape.code, size, source))
            continue
        outlines = shape.polygons
        if shape.box is not None:
            left, top, right, bottom = shape.box
            outlines = (np.array([[left, top], [right, top], [right, bottom], [left, bottom]]),)
        inside = np.zeros(size, bool)
        if not shape.point:
            for outline in outlines:
                _fill(inside, outline)
        if not inside.any():
            column, row = np.floor(np.concatenate(outlines).mean(axis=0)).astype(int)
            if not (0 <= row < size[0] and 0 <= column < size[1]):
                raise ValueError(
                    f'{source}: a label is at ({column}, {row}), outside of the image of '
                    f'{size[1]} x {size[0]} pixels'
                )
            inside[row, column] = True
        mask[inside] = 1
    return mask


def _fill(inside: np.ndarray, outline: np.ndarray) -> None:
    """Mark the pixels whose centres are in a polygon (N, 2), by counting crossings of its edges."""
    height, width = inside.shape
    left, top = np.maximum(np.floor(outline.min(axis=0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(outline.max(axis=0)), (width, height)).astype(int)
    if left >= right or top >= bottom:
        return
    x, y = np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5
    odd = np.zeros((bottom - top, right - left), bool)
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        crossed = (y1 <= y) != (y2 <= y)
        if crossed.any():
            at = x1 + (y[crossed] - y1) * (x2 - x1) / (y2 - y1)
            odd[crossed] ^= x[None] >= at[:, None]
    inside[top:bottom, left:right] |= odd


def _read(labels: str | Path, kind: str) -> tuple[str, dict[str, ImageLabels]]:
    labels = Path(labels)
    if kind == 'auto':
        if not labels.exists():
            raise FileNotFoundError(f'labels not found: {labels}')
        if labels.is_file():
            return 'coco', read_labels(labels, 'coco')
        found = find_labels(labels)
        if found is None:
            raise ValueError(f'{labels} has no labels of a known kind: {", ".join(LABEL_KINDS)}')
        kind, labels = found
    elif kind not in LABEL_KINDS:
        raise ValueError(f"kind={kind!r} must be 'auto' or one of {LABEL_KINDS}")
    return kind, read_labels(labels, kind)


def _pair(
    files: dict[str, Path], found: dict[str, ImageLabels], labels: str | Path, missing: str
) -> dict[str, ImageLabels]:
    """Labels of every image that is to have a mask."""
    by_name = {}
    for name, each in found.items():
        # COCO files may write folders that are not below the folder of the images.
        parts = Path(name).parts
        tails = ['/'.join(parts[k:]) for k in range(len(parts))]
        match = next((tail for tail in tails if tail in files), None)
        if match is None and each.shapes:
            raise ValueError(f'{each.source}: there is no image called {name!r}')
        if match is not None:
            if match in by_name:
                raise ValueError(f'{each.source}: two labels belong to the image {match!r}')
            by_name[match] = each
    absent = sorted(files.keys() - by_name.keys())
    if absent and missing == 'error':
        raise ValueError(
            f'no labels in {labels} for {len(absent)} of {format_count(len(files), "image")}: '
            f"{list_some(absent, 5)}. missing='empty' says that they have no target, "
            "missing='skip' leaves them out"
        )
    if missing == 'empty':
        by_name |= {name: ImageLabels(files[name]) for name in absent}
    return by_name


def _draw(
    image: Path, labels: ImageLabels, classes: Collection[str] | None, result: Conversion
) -> np.ndarray:
    size = read_size(image)
    if labels.size is not None and labels.size != size:
        raise ValueError(
            f'{labels.source}: labels of an image of {labels.size[1]} x {labels.size[0]} pixels, '
            f'but {image} has {size[1]} x {size[0]}'
        )
    shapes = [each for each in labels.shapes if classes is None or each.label in classes]
    if labels.relative:
        shapes = [_in_pixels(shape, size) for shape in shapes]
    result.targets += len(shapes)
    result.boxes += sum(shape.box is not None for shape in shapes)
    return draw_shapes(shapes, size, str(image))


def _in_pixels(shape: Shape, size: tuple[int, int]) -> Shape:
    height, width = size
    if shape.box is not None:
        left, top, right, bottom = shape.box
        # Files keep four to six digits, so edges are slightly off the pixel grid.
        box = (left * width, top * height, right * width, bottom * height)
        return Shape(shape.label, box=tuple(round(side, 1) for side in box))
    return Shape(shape.label, tuple(outline * (width, height) for outline in shape.polygons))
