"""Detections as files: masks, probability maps, pictures, tables and COCO results.

Memory does not grow with the number of images, because records are written immediately. A mask is
complete or absent. Tables and JSON files are called ``NAME.part.SUFFIX`` until the run ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mmirstd.inference.results import Detection
from mmirstd.inference.targets import Target
from mmirstd.io.images.writing import write_image
from mmirstd.io.outputs.folder import OutputFolder
from mmirstd.io.outputs.growing import CsvTable, GrowingFile
from mmirstd.io.outputs.guard import Inputs, StrPath
from mmirstd.reporting.coco_dataset import CocoDataset

FORMATS = ('mask', 'probability', 'overlay', 'csv', 'json', 'coco')
"""Available outputs, see `DetectionWriter`."""

CSV_COLUMNS = ('image', 'x', 'y', 'left', 'top', 'right', 'bottom', 'area', 'score')

_FILES = {'json': ('detections.json',), 'coco': ('coco.json', 'coco_images.json')}
_LISTS = {
    'detections.json': ('{"images": [', ']}'),
    'coco.json': ('[', ']'),
    'coco_images.json': (
        '{"images": [',
        '], "annotations": [], "categories": [{"id": CATEGORY, "name": "target"}]}',
    ),
}
_PICTURES = {'mask': 'masks', 'probability': 'probability', 'overlay': 'overlays'}


class DetectionWriter:
    """Writes detections into a folder; a context manager.

    A run that fails before its first image leaves nothing behind.

    ============= ==============================================================================
    mask          ``masks/NAME.png``: 0 and 255
    probability   ``probability/NAME.png``: 16-bit, 65535 is probability 1
    overlay       ``overlays/NAME.png``: the image with its targets marked and enlarged
    csv           ``targets.csv``: one line per target
    json          ``detections.json``: size and targets of each image
    coco          ``coco.json``: results as ``COCO.loadRes`` reads them, with boxes, scores and
                  uncompressed run lengths; ``coco_images.json``: the images that they refer to
    ============= ==============================================================================

    Args:
        folder: Folder for the results; created if missing. `mmirstd.io.outputs.folder.OutputFolder`
            describes how inputs, other files and earlier results are protected.
        formats: Outputs to write, out of `FORMATS`.
        inputs: Files that the run reads.
        overwrite: Replace the results of an earlier run.
        coco_ids: The COCO dataset to compare the results with, or the ``id`` of each
            of its images by name. None numbers the images from 1.
        job, resume: See `mmirstd.io.outputs.folder.OutputFolder`.

    Attributes:
        files: The folder, for further results of the same run.

    Raises:
        ValueError: There is no format, or an unknown one.
        FileExistsError: The folder contains earlier results and ``overwrite`` is False.
    """

    def __init__(
        self,
        folder: str | Path,
        formats: Sequence[str] = ('mask', 'csv'),
        *,
        inputs: Inputs | Iterable[StrPath] = (),
        overwrite: bool = False,
        coco_ids: CocoDataset | Mapping[str, int] | None = None,
        job: Mapping[str, Any] | None = None,
        resume: bool = False,
    ) -> None:
        unknown = sorted(set(formats) - set(FORMATS))
        if unknown or not formats:
            raise ValueError(f'formats={list(formats)}: choose from {", ".join(FORMATS)}')
        self.files = OutputFolder(
            folder, 'detect', inputs=inputs, overwrite=overwrite, job=job, resume=resume
        )
        self.formats = tuple(dict.fromkeys(formats))
        if coco_ids is not None and not isinstance(coco_ids, CocoDataset):
            coco_ids = CocoDataset(coco_ids)
        self._dataset = coco_ids
        self._category = 1 if coco_ids is None else coco_ids.category_id
        self._names_of_ids: dict[int, str] = {}
        self._count = 0
        # Shards of a run that can be continued are worth keeping.
        self.files.keep_on_failure = job is not None
        self._table: CsvTable | None = None
        self._lists: dict[str, _JsonList] = {}
        self._stack = ExitStack()

    def __enter__(self) -> DetectionWriter:
        with ExitStack() as stack:
            files = stack.enter_context(self.files)
            if 'csv' in self.formats:
                self._table = CsvTable(files.growing('targets.csv'), CSV_COLUMNS)
                stack.push(_closing(self._table))
            for name in (name for word in self.formats for name in _FILES.get(word, ())):
                self._lists[name] = _JsonList(files.growing(name), self._category)
                stack.push(_closing(self._lists[name]))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def write(self, detection: Detection) -> None:
        """Write one detection.

        Raises:
            FileExistsError: An earlier detection of this run has the same name.
            OSError: A file cannot be written; the message names it.
            ValueError: The COCO dataset does not contain the image, or two images match one entry.
        """
        source = detection.source
        if 'coco' in self.formats:
            self._image_id(source.name, source.path, source.frame)
        for what, relative in picture_files(source.name, self.formats):
            write_image(self.files.path(relative), detection.picture(what))
        self.add(describe(detection, self.formats))

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add one image to the tables and lists; its pictures are written elsewhere.

        Args:
            entry: The result of :func:`describe`, possibly from another process.

        Raises:
            OSError: A file cannot be written; the message names it.
            ValueError: As for :meth:`write`.
        """
        name, path = entry['name'], entry['file']
        if self._table is not None:
            self._table.write_rows(csv_row(name, Target(**t)) for t in entry['targets'])
        if 'json' in self.formats:
            record = {key: value for key, value in entry.items() if key != 'coco'}
            self._lists['detections.json'].add([record])
        if 'coco' in self.formats:
            image_id = self._image_id(name, path, entry['frame'])
            single = path is not None and entry['frame'] is None
            size = {'height': entry['height'], 'width': entry['width']}
            image = {'id': image_id, 'file_name': path if single else name, **size}
            self._lists['coco_images.json'].add([image])
            ids = {'image_id': image_id, 'category_id': self._category}
            results = [{**result, **ids} for result in entry['coco']]
            self._lists['coco.json'].add(results)
        self._count += 1
        self.files.keep_on_failure = True

    def finish(self) -> None:
        """Give tables and lists their final names, as the end of the block does."""
        for file in filter(None, (self._table, *self._lists.values())):
            file.close(complete=True)

    def _image_id(self, name: str, path: StrPath | None, frame: int | None) -> int:
        if self._dataset is None:
            return self._count + 1
        image_id = self._dataset.image_id(name, path, frame)
        other = self._names_of_ids.setdefault(image_id, name)
        if other != name:
            raise ValueError(
                f'{name} and {other} would both be image {image_id} of {self._dataset.source}: '
                'detect in the images of the dataset only'
            )
        return image_id


class _JsonList(GrowingFile):
    """A JSON file around one list; ``NAME.json`` of `_LISTS`."""

    def __init__(self, path: StrPath, category_id: int) -> None:
        head, tail = _LISTS[Path(path).name]
        tail = tail.replace('CATEGORY', str(category_id))
        super().__init__(path, head.encode(), f'\n{tail}\n'.encode())
        self._empty = True

    def add(self, entries: Iterable[dict[str, Any]]) -> None:
        """Append entries, each on its own line."""
        text = ',\n'.join(map(json.dumps, entries))
        if text:
            self.append(('\n' if self._empty else ',\n').encode() + text.encode())
            self._empty = False


def _closing(file: GrowingFile) -> Any:
    def close(kind: type[BaseException] | None, *_: object) -> None:
        file.close(complete=kind is None)

    return close


def picture_files(name: str, formats: Iterable[str]) -> list[tuple[str, str]]:
    """(What `Detection.picture` draws, file below the folder) for the image ``name``."""
    return [(what, f'{_PICTURES[what]}/{name}.png') for what in _PICTURES if what in formats]


def describe(detection: Detection, formats: Iterable[str] = ()) -> dict[str, Any]:
    """Content of tables and lists for a detection, as plain values that JSON does not change.

    With ``'coco'`` among the formats, it includes entries of COCO results.
    """
    height, width = detection.size
    path = detection.source.path
    entry = {
        'name': detection.source.name,
        'file': None if path is None else str(path),
        'frame': detection.source.frame,
        'height': height,
        'width': width,
        'targets': [asdict(target) for target in detection.targets],
    }
    if 'coco' in formats:
        entry['coco'] = coco_results(detection, 0)
    return entry


def csv_row(name: str, target: Target) -> list[str | int]:
    """The line of ``targets.csv`` for one target; columns are `CSV_COLUMNS`."""
    place = f'{target.x:.3f}', f'{target.y:.3f}'
    return [name, *place, *target.box, target.area, f'{target.score:.6f}']


def coco_results(detection: Detection, image_id: int) -> list[dict[str, Any]]:
    """The targets of image ``image_id`` as entries of a file that ``COCO.loadRes`` reads."""
    height, width = detection.size
    entries = []
    members = detection.components.members()
    for target, pixels in zip(detection.targets, members, strict=True):
        left, top, right, bottom = target.box
        box = [left, top, right - left, bottom - top]
        entry = {'image_id': image_id, 'category_id': 1, 'bbox': box, 'score': target.score}
        counts = run_lengths(pixels, height, width)
        entries.append({**entry, 'segmentation': {'size': [height, width], 'counts': counts}})
    return entries


def run_lengths(pixels: np.ndarray, height: int, width: int) -> list[int]:
    """COCO's uncompressed run lengths: alternately background and mask, column by column.

    Args:
        pixels: Flat indices, ``row * width + column``, of the pixels of the mask.
        height: Height of the image.
        width: Width of the image.
    """
    rows, columns = np.divmod(pixels, width)
    on = np.sort(columns * height + rows)
    if not on.size:
        return [height * width]
    breaks = np.flatnonzero(np.diff(on) > 1)
    starts = np.concatenate([on[:1], on[breaks + 1]])
    stops = np.concatenate([on[breaks], on[-1:]]) + 1
    edges = np.stack([starts, stops], axis=1).ravel()
    return np.diff(np.concatenate([[0], edges, [height * width]])).tolist()
