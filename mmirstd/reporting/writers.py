"""Detections as files: masks, probability maps, pictures, tables and COCO annotations.

Tables are written line by line while images are processed; the two JSON files appear whole, and
only once everything is done.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import cv2
import numpy as np

from mmirstd.evaluation.prediction_files import encode_probability
from mmirstd.inference.results import Detection
from mmirstd.inference.targets import Target
from mmirstd.io.atomic import write_atomically
from mmirstd.io.pictures import write_image
from mmirstd.visualization.overlay import draw_result

FORMATS = ('mask', 'probability', 'overlay', 'csv', 'json', 'coco')
"""What can be written: see `DetectionWriter`."""

CSV_COLUMNS = ('image', 'x', 'y', 'left', 'top', 'right', 'bottom', 'area', 'score')


class DetectionWriter:
    """Writes detections into a folder; use it as a context manager.

    ============= ==============================================================================
    mask          ``masks/NAME.png``: 0 and 255
    probability   ``probability/NAME.png``: 16-bit, 65535 is probability 1
    overlay       ``overlays/NAME.png``: the image with its targets marked and enlarged
    csv           ``targets.csv``: one line a target
    json          ``detections.json``: per image its size and targets
    coco          ``coco.json``: a COCO dataset with scores; masks as uncompressed run lengths
    ============= ==============================================================================

    Args:
        folder: Where to write; made if it is missing. Files of the same name are replaced.
        formats: What to write, out of `FORMATS`.

    Raises:
        ValueError: No format, or an unknown one.
    """

    def __init__(self, folder: str | Path, formats: Sequence[str] = ('mask', 'csv')) -> None:
        unknown = sorted(set(formats) - set(FORMATS))
        if unknown or not formats:
            raise ValueError(f'formats={list(formats)}: choose out of {", ".join(FORMATS)}')
        self.folder = Path(folder)
        self.formats = tuple(formats)
        self._images: list[dict[str, Any]] = []
        self._coco: list[dict[str, Any]] = []
        self._table: TextIO | None = None

    def __enter__(self) -> DetectionWriter:
        self.folder.mkdir(parents=True, exist_ok=True)
        if 'csv' in self.formats:
            self._table = (self.folder / 'targets.csv').open('w', newline='', encoding='utf-8')
            csv.writer(self._table).writerow(CSV_COLUMNS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._table is not None:
            self._table.close()
        if kind is not None:
            return
        if 'json' in self.formats:
            write_atomically(
                self.folder / 'detections.json',
                json.dumps({'images': self._images}, indent=1) + '\n',
            )
        if 'coco' in self.formats:
            write_atomically(
                self.folder / 'coco.json', json.dumps(self._coco_dataset(), indent=1) + '\n'
            )

    def write(self, detection: Detection) -> None:
        """Write one detection.

        Raises:
            OSError: A file cannot be written.
        """
        name = detection.source.name
        if 'mask' in self.formats:
            write_image(self._path('masks', name), detection.mask.astype(np.uint8) * 255)
        if 'probability' in self.formats:
            write_image(self._path('probability', name), encode_probability(detection.probability))
        if 'overlay' in self.formats:
            picture = draw_result(detection.image, prediction=detection.mask, name=name)
            write_image(self._path('overlays', name), picture[..., ::-1])
        if self._table is not None:
            csv.writer(self._table).writerows(csv_row(name, t) for t in detection.targets)
            self._table.flush()
        height, width = detection.size
        self._images.append(
            {
                'name': name,
                'file': None if detection.source.path is None else str(detection.source.path),
                'frame': detection.source.frame,
                'height': height,
                'width': width,
                'targets': [asdict(target) for target in detection.targets],
            }
        )
        if 'coco' in self.formats:
            self._coco += [
                coco_annotation(target, detection.mask, len(self._images))
                for target in detection.targets
            ]

    def _path(self, kind: str, name: str) -> Path:
        return self.folder / kind / f'{name}.png'

    def _coco_dataset(self) -> dict[str, Any]:
        images = [
            {
                'id': number,
                'file_name': image['name'] if image['file'] is None else image['file'],
                'height': image['height'],
                'width': image['width'],
            }
            for number, image in enumerate(self._images, start=1)
        ]
        annotations = [{'id': k, **entry} for k, entry in enumerate(self._coco, start=1)]
        return {
            'images': images,
            'annotations': annotations,
            'categories': [{'id': 1, 'name': 'target'}],
        }


def csv_row(name: str, target: Target) -> list[str | int]:
    """The line of ``targets.csv`` for one target; columns are `CSV_COLUMNS`."""
    place = [f'{target.x:.3f}', f'{target.y:.3f}', *target.box]
    return [name, *place, target.area, f'{target.score:.6f}']


def coco_annotation(target: Target, mask: np.ndarray, image_id: int) -> dict[str, Any]:
    """A COCO annotation of one target.

    Args:
        target: The target.
        mask: (H, W) bool, the whole mask of the image.
        image_id: Number of the image in the dataset.
    """
    left, top, right, bottom = target.box
    # Another target may reach into the box, so only the component itself is taken.
    count, labels = cv2.connectedComponents(
        mask[top:bottom, left:right].astype(np.uint8), connectivity=8
    )
    own = labels == next(k for k in range(1, count) if _spans(labels == k, target))
    height, width = mask.shape
    return {
        'image_id': image_id,
        'category_id': 1,
        'bbox': [left, top, right - left, bottom - top],
        'area': target.area,
        'score': target.score,
        'iscrowd': 0,
        'segmentation': {
            'size': [height, width],
            'counts': run_lengths(own, (left, top), height, width),
        },
    }


def _spans(part: np.ndarray, target: Target) -> bool:
    """Whether ``part`` of the target's box is the target: its area and centroid agree."""
    if np.count_nonzero(part) != target.area:
        return False
    rows, columns = part.nonzero()
    return bool(
        abs(rows.mean() + target.box[1] - target.y) < 1e-6
        and abs(columns.mean() + target.box[0] - target.x) < 1e-6
    )


def run_lengths(part: np.ndarray, origin: tuple[int, int], height: int, width: int) -> list[int]:
    """COCO's uncompressed run lengths: alternately off and on, column by column, off first.

    Args:
        part: (h, w) bool, what is on.
        origin: (left, top) of ``part`` in the image.
        height: Height of the image.
        width: Width of the image.
    """
    columns, rows = part.T.nonzero()
    on = (columns + origin[0]) * height + rows + origin[1]
    if not on.size:
        return [height * width]
    breaks = np.flatnonzero(np.diff(on) > 1)
    starts = np.concatenate([on[:1], on[breaks + 1]])
    stops = np.concatenate([on[breaks], on[-1:]]) + 1
    edges = np.stack([starts, stops], axis=1).ravel()
    return np.diff(np.concatenate([[0], edges, [height * width]])).tolist()
