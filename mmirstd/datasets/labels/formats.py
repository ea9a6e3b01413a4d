"""Labels that are not masks: COCO, PASCAL VOC, YOLO and LabelMe files with boxes and polygons.

:func:`find_labels` recognises them in a folder, :func:`read_labels` reads them, and
:mod:`mmirstd.datasets.labels.conversion` turns them into masks. All coordinates become those of
pixel edges: the top-left pixel covers 0 to 1.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mmirstd.io.folders import is_hidden
from mmirstd.wording import format_count

LABEL_KINDS = ('coco', 'voc', 'yolo', 'labelme')

_SUFFIXES = {'voc': '.xml', 'yolo': '.txt', 'labelme': '.json'}
_LOOKED_AT = 5  # files per folder that are opened to recognise a kind
_MOST_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Shape:
    """One labelled object.

    Attributes:
        label: Its class.
        polygons: Outlines, each (N, 2) of x and y.
        box: (left, top, right, bottom) if only a box is known.
        code: COCO run-length code if the file has one.
        point: Whether the only outline is a single point.
    """

    label: str
    polygons: tuple[np.ndarray, ...] = ()
    box: tuple[float, float, float, float] | None = None
    code: dict | None = None
    point: bool = False


@dataclass
class ImageLabels:
    """The labels of one image.

    Attributes:
        source: The file with the labels.
        shapes: The objects.
        size: (height, width) of the image if the file states it.
        relative: Whether coordinates are fractions of the image's sides (YOLO).
        left_out: Number of crowd regions, which are not single targets.
    """

    source: Path
    shapes: list[Shape] = field(default_factory=list)
    size: tuple[int, int] | None = None
    relative: bool = False
    left_out: int = 0


def find_labels(root: str | Path) -> tuple[str, Path] | None:
    """Kind and place of the label files in ``root`` or two levels below it, None without any."""
    root = Path(root)
    folders = [root, *_folders(root), *(deeper for at in _folders(root) for deeper in _folders(at))]
    for folder in folders:
        for kind in LABEL_KINDS:
            suffix = _SUFFIXES.get(kind, '.json')
            files = sorted(path for path in _files(folder) if path.suffix.lower() == suffix)
            for path in files[:_LOOKED_AT]:
                if _is_kind(path, kind):
                    return kind, path if kind == 'coco' else folder
    return None


def labels_hint(root: str | Path) -> str:
    """A sentence with label files below ``root`` and the command that converts them, or ''."""
    found = find_labels(root)
    if found is None:
        return ''
    kind, path = found
    return (
        f'{path} has labels of kind {kind}, which are not masks: convert them with '
        f'`mmirstd convert-labels IMAGES {path} MASKS`'
    )


def read_labels(path: str | Path, kind: str) -> dict[str, ImageLabels]:
    """Read label files.

    Args:
        path: The file of COCO, or the folder of the other kinds.
        kind: One of `LABEL_KINDS`.

    Returns:
        Labels by the name of the image without suffix: relative to the folder, or as the COCO
        file writes it.

    Raises:
        FileNotFoundError: There is no such file or folder, or no label file in it.
        ValueError: A file is not of that kind; the message names it.
    """
    path = Path(path)
    if kind == 'coco':
        if not path.is_file():
            raise FileNotFoundError(f'label file not found: {path}')
        return _read_coco(path)
    if not path.is_dir():
        raise FileNotFoundError(f'folder of labels not found: {path}')
    suffix, read = _SUFFIXES[kind], _READERS[kind]
    found = {}
    for file in sorted(path.rglob(f'*{suffix}')):
        if is_hidden(file.name) or (kind == 'yolo' and file.name in ('classes.txt', 'train.txt')):
            continue
        try:
            found[file.relative_to(path).with_suffix('').as_posix()] = read(file)
        except _UNREADABLE as error:
            raise ValueError(f'{file}: not a label file of kind {kind}: {_text(error)}') from error
    if not found:
        raise FileNotFoundError(f'{path} contains no label file ({suffix})')
    return found


_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError,
               ElementTree.ParseError)  # fmt: skip


def _text(error: Exception) -> str:
    return f'{error.args[0]!r} is missing' if isinstance(error, KeyError) else str(error)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in _entries(folder) if path.is_dir())


def _files(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_file()]


def _entries(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not is_hidden(path.name))


def _is_kind(path: Path, kind: str) -> bool:
    try:
        if kind == 'coco':
            content = _json(path)
            return isinstance(content, dict) and {'images', 'annotations'} <= content.keys()
        return bool(_READERS[kind](path).shapes)
    except (OSError, *_UNREADABLE):
        return False


def _json(path: Path) -> Any:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(
            f'its {format_count(path.stat().st_size, "byte")} are too many for a label file'
        )
    return json.loads(path.read_text(encoding='utf-8-sig'))


def _read_coco(path: Path) -> dict[str, ImageLabels]:
    try:
        content = _json(path)
        classes = {c['id']: str(c['name']) for c in content.get('categories', ())}
        of_image: dict[Any, list[dict]] = defaultdict(list)
        for annotation in content['annotations']:
            of_image[annotation['image_id']].append(annotation)
        found = {}
        for image in content['images']:
            labels = ImageLabels(path, size=(int(image['height']), int(image['width'])))
            for annotation in of_image[image['id']]:
                if annotation.get('iscrowd'):
                    labels.left_out += 1
                else:
                    labels.shapes.append(_coco_shape(annotation, classes))
            found[str(Path(image['file_name']).with_suffix(''))] = labels
    except _UNREADABLE as error:
        raise ValueError(f'{path}: not a label file of kind coco: {_text(error)}') from error
    return found


def _coco_shape(annotation: dict, classes: dict[Any, str]) -> Shape:
    label = classes.get(annotation.get('category_id'), str(annotation.get('category_id')))
    outline = annotation.get('segmentation')
    if isinstance(outline, dict):
        return Shape(label, code=outline)
    if outline:
        return Shape(label, tuple(_points(np.reshape(flat, (-1, 2))) for flat in outline))
    left, top, width, height = annotation['bbox']
    return Shape(label, box=_box(left, top, left + width, top + height))


def _read_voc(path: Path) -> ImageLabels:
    text = path.read_text(encoding='utf-8-sig')
    if '<!DOCTYPE' in text or '<!ENTITY' in text:
        raise ValueError('it declares entities, which can expand without limit')
    root = ElementTree.fromstring(text)
    if root.tag != 'annotation':
        raise ValueError(f'it is <{root.tag}> instead of <annotation>')
    labels = ImageLabels(path)
    size = root.find('size')
    if size is not None and int(size.findtext('height', '0')) > 0:
        labels.size = int(size.findtext('height')), int(size.findtext('width'))
    for item in root.iter('object'):
        label, box = item.findtext('name', 'object'), item.find('bndbox')
        if box is None:
            raise ValueError(f'the object {label!r} has no <bndbox>')
        sides = (float(box.findtext(side, '')) for side in ('xmin', 'ymin', 'xmax', 'ymax'))
        labels.shapes.append(Shape(label, box=_box(*sides)))
    return labels


def _read_yolo(path: Path) -> ImageLabels:
    labels = ImageLabels(path, relative=True)
    for number, line in enumerate(path.read_text(encoding='utf-8-sig').splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        if not re.fullmatch(r'\d+', words[0]) or (len(words) not in (5, 6) and len(words) % 2 == 0):
            raise ValueError(f'line {number}: expected "class x y width height" or a polygon')
        values = [float(word) for word in words[1:]]
        if not all(-0.01 <= value <= 1.01 for value in values):
            raise ValueError(f'line {number}: coordinates are not fractions of 0 to 1')
        if len(values) <= 5:  # the fifth is a score
            x, y, width, height = values[:4]
            box = _box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            labels.shapes.append(Shape(words[0], box=box))
        else:
            labels.shapes.append(Shape(words[0], (_points(np.reshape(values, (-1, 2))),)))
    return labels


def _read_labelme(path: Path) -> ImageLabels:
    content = _json(path)
    labels = ImageLabels(path)
    if content.get('imageHeight'):
        labels.size = int(content['imageHeight']), int(content['imageWidth'])
    for item in content['shapes']:
        points = _points(np.reshape(item['points'], (-1, 2)))
        labels.shapes.append(_labelme_shape(str(item.get('label')), item, points))
    return labels


def _labelme_shape(label: str, item: dict, points: np.ndarray) -> Shape:
    kind = item.get('shape_type') or 'polygon'
    if kind == 'polygon':
        return Shape(label, (points,))
    if kind == 'rectangle':
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return Shape(label, box=_box(left, top, right, bottom))
    if kind == 'circle':
        radius = math.dist(points[0], points[1])
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        return Shape(label, (points[0] + radius * np.stack([np.cos(angles), np.sin(angles)], 1),))
    if kind == 'point':
        return Shape(label, (points,), point=True)
    raise ValueError(f'shapes of type {kind!r} are not supported')


def _points(points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if not len(points) or not np.isfinite(points).all():
        raise ValueError('an outline has no points, or points that are not numbers')
    return points


def _box(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
    box = (float(left), float(top), float(right), float(bottom))
    if not all(math.isfinite(side) for side in box) or right < left or bottom < top:
        raise ValueError(f'{box} is not a box: left, top, right, bottom')
    return box


_READERS: dict[str, Callable[[Path], ImageLabels]] = {
    'voc': _read_voc,
    'yolo': _read_yolo,
    'labelme': _read_labelme,
}
