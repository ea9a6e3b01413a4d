"""The ids of images and categories in a COCO dataset.

Results in COCO's format refer to images and categories only by these ids, so results with other
ids would be compared with other images, or with nothing, without an error.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mmirstd.io.outputs.guard import StrPath
from mmirstd.wording import format_count

_MOST_BYTES = 2_000_000_000
_Entry = tuple[tuple[str, ...], str, int]  # parts of the name without suffix, suffix, number
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class CocoDataset:
    """Finds the id of an image in a COCO dataset.

    An image belongs to an entry if the entry's ``file_name``, without suffix, is the end of the
    image's path, or if the image's name (its path below the given folder) is the end of the
    ``file_name``. Suffixes matter only between entries that are equal without them.

    Args:
        image_ids: ``file_name`` -> ``id`` of each image.
        category_id: Id of the category of targets.
        source: Name of the dataset in errors.
    """

    def __init__(
        self,
        image_ids: Mapping[str, int],
        category_id: int = 1,
        *,
        source: str = 'the COCO dataset',
    ) -> None:
        self.category_id = category_id
        self.source = source
        self._entries: dict[str, list[_Entry]] = defaultdict(list)
        for file_name, image_id in image_ids.items():
            # Files that were written on Windows
            path = PurePosixPath(str(file_name).replace('\\', '/'))
            parts = _without_suffix(path.parts)
            self._entries[parts[-1]].append((parts, path.suffix.lower(), image_id))

    @classmethod
    def read(cls, path: str | Path, category: str | None = None) -> CocoDataset:
        """Read the ids from the annotation file of a COCO dataset.

        Args:
            path: JSON file with ``images`` and ``categories``; annotations are not needed.
            category: Name of the category of targets. None takes the only category, or the one
                called ``target``, or the id 1 if there are none.

        Raises:
            FileNotFoundError: The file does not exist.
            ValueError: The file is damaged or not a COCO file, two images have the same id or
                name, or the category is unknown or ambiguous; the message names the file.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f'COCO file not found: {path}')
        if path.stat().st_size > _MOST_BYTES:
            size = format_count(path.stat().st_size, 'byte')
            raise ValueError(f'{path}: {size} are too many for a COCO file')
        try:
            content = json.loads(path.read_text(encoding='utf-8-sig'))
            images = [(str(image['file_name']), int(image['id'])) for image in content['images']]
            classes = {str(c['name']): int(c['id']) for c in content.get('categories') or ()}
        except _DAMAGED as error:
            what = f'{error.args[0]!r} is missing' if isinstance(error, KeyError) else str(error)
            raise ValueError(
                f'{path}: not a COCO file with images (id, file_name) and categories: {what}'
            ) from error
        for values, what in (
            ([number for _, number in images], 'id'),
            ([name for name, _ in images], 'file_name'),
        ):
            if len(set(values)) < len(values):
                twice = next(value for k, value in enumerate(values) if value in values[:k])
                raise ValueError(f'{path}: two images have the {what} {twice!r}')
        return cls(dict(images), _category_id(classes, category, path), source=str(path))

    def image_id(self, name: str, path: StrPath | None = None, frame: int | None = None) -> int:
        """The id of an image.

        Args:
            name: `Source.name` of the image.
            path: Its file; None if there is none.
            frame: Its index within the file; None if it is the only one.

        Raises:
            ValueError: The dataset does not contain the image, or several entries match it.
        """
        found = self._fitting(name, None if path is None or frame is not None else Path(path))
        if len(found) == 1:
            return found[0]
        if not found:
            raise ValueError(
                f'{name}: {self.source} has no image of this name, so its results have no id. '
                'Detect only in images of the dataset, with their original names'
            )
        raise ValueError(
            f'{name}: {format_count(len(found), "image")} of {self.source} fit this name (ids '
            f'{", ".join(map(str, found[:5]))}). Give the folder that their file_name is relative '
            'to, with --recursive'
        )

    def _fitting(self, name: str, file: Path | None) -> list[int]:
        parts = PurePosixPath(name).parts
        entries = self._entries.get(parts[-1], [])
        suffix = ''
        if file is not None:
            suffix = file.suffix.lower()
            whole = _without_suffix(file.absolute().parts)
            entries = self._entries.get(whole[-1], [])
            by_path = [entry for entry in entries if _is_end(entry[0], whole)]
            longest = max((len(entry[0]) for entry in by_path), default=0)
            if longest:
                entries = [entry for entry in by_path if len(entry[0]) == longest]
                return _of_suffix(entries, suffix)
        return _of_suffix(
            [entry for entry in entries if _is_end(parts, entry[0]) or _is_end(entry[0], parts)],
            suffix,
        )


def _is_end(end: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    return parts[-len(end) :] == end


def _of_suffix(entries: list[_Entry], suffix: str) -> list[int]:
    """Ids of the entries with this suffix or, if there are none, of all entries."""
    same = [number for _, own, number in entries if own == suffix]
    return same or [number for _, _, number in entries]


def _without_suffix(parts: tuple[str, ...]) -> tuple[str, ...]:
    return (*parts[:-1], PurePosixPath(parts[-1]).stem)


def _category_id(classes: Mapping[str, int], category: str | None, path: Path) -> int:
    names = ', '.join(map(repr, classes)) or 'none'
    if category is not None:
        if category not in classes:
            raise ValueError(f'{path}: there is no class {category!r}, only {names}')
        return classes[category]
    if not classes:
        return 1
    if len(classes) == 1:
        return next(iter(classes.values()))
    if 'target' in classes:
        return classes['target']
    raise ValueError(
        f'{path}: several classes, {names}, and none is called target: choose one with '
        '--coco-category NAME'
    )
