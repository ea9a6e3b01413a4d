"""Find images with many masks: SA-1B as it is released, and COCO-style files.

SA-1B comes as 1000 archives ``sa_000000.tar`` ... ``sa_000999.tar`` (shards), which contain
``sa_ID.jpg`` and ``sa_ID.json``. A shard is read from the archive, without unpacking it, or from a
folder of its name. All sources return the annotations of an image in the JSON format of SA-1B, so
only :mod:`mmirstd.datasets.labels.rle` has to understand it.
"""

from __future__ import annotations

import contextlib
import json
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mmirstd.datasets.lists import read_list
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.wording import format_count

Item = TypeVar('Item')

_SHARD = re.compile(r'sa_(\d{6})(\.tar)?')
_INDEX_FORMAT = 1


@dataclass(frozen=True, slots=True)
class FileSlice:
    """A file, or the part of an archive that contains it.

    Attributes:
        path: The file or archive.
        offset: First byte.
        size: Number of bytes; None means the whole file.
    """

    path: str
    offset: int = 0
    size: int | None = None

    def read(self) -> bytes:
        """The content."""
        with open(self.path, 'rb') as file:
            file.seek(self.offset)
            content = file.read(-1 if self.size is None else self.size)
        if self.size is not None and len(content) < self.size:
            raise OSError(
                f'{self.path} ends at byte {self.offset + len(content)}, within a file: the '
                'archive is truncated, download it again'
            )
        return content


@dataclass(frozen=True, slots=True)
class Entry:
    """One image with its annotations.

    Attributes:
        name: ``sa_223750``, or the file name in a COCO-style file.
        image: The image file.
        annotations: JSON in SA-1B's format, or where to read it.
    """

    name: str
    image: FileSlice
    annotations: FileSlice | bytes

    def read_annotations(self) -> bytes:
        """The JSON."""
        return (
            self.annotations.read() if isinstance(self.annotations, FileSlice) else self.annotations
        )


def parse_shards(shards: str | Iterable[int] | None) -> list[int] | None:
    """Numbers of shards from ``'20-29,130'`` or an iterable; None means all.

    Raises:
        ValueError: Not such a text, or a number outside of 0..999.
    """
    if shards is None:
        return None
    if isinstance(shards, str):
        numbers: list[int] = []
        for part in shards.split(','):
            match = re.fullmatch(r'\s*(\d+)(?:\s*-\s*(\d+))?\s*', part)
            if match is None:
                raise ValueError(
                    f"shards={shards!r}: write numbers and ranges such as '20-29' or '20-29,130'"
                )
            first, last = int(match[1]), int(match[2] or match[1])
            numbers += range(first, last + 1)
    else:
        numbers = [int(number) for number in shards]
    if not numbers or min(numbers) < 0 or max(numbers) > 999:
        raise ValueError(f'shards={shards!r} must name some of 0 to 999')
    return sorted(set(numbers))


def find_sa1b(
    root: str | Path, shards: str | Iterable[int] | None = '20-29', *, missing: str = 'error'
) -> tuple[list[Entry], list[str]]:
    """The images of SA-1B below ``root``, in the order of shards and image numbers.

    Args:
        root: Folder with archives ``sa_NNNNNN.tar`` or folders ``sa_NNNNNN``. With ``shards``
            None it may also contain images and JSON files themselves.
        shards: See :func:`parse_shards`. The default is the 1 % that EdgeSAM published.
        missing: ``'error'``, or ``'drop'`` to leave out shards that do not exist.

    Returns:
        The entries, and the names of images or JSON files without a partner, which are left out.

    Raises:
        FileNotFoundError: No such folder, nothing in it, or shards that are missing.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(
            f'SA-1B folder {root} does not exist. It is distributed by Meta '
            '(https://ai.meta.com/datasets/segment-anything-downloads) as archives '
            'sa_NNNNNN.tar of about 11 GB each: put the ones you need there, or set data_root. '
            'tools/make_nested_shapes.py writes a small procedural stand-in.'
        )
    if missing not in ('error', 'drop'):
        raise ValueError(f"missing={missing!r} must be 'error' or 'drop'")
    present: dict[int, Path] = {}
    for path in sorted(root.iterdir(), reverse=True):  # a folder wins over its archive
        if match := _SHARD.fullmatch(path.name):
            present[int(match[1])] = path
    wanted = parse_shards(shards)
    if wanted is None and not present:
        groups = [_folder_files(root)]
    else:
        wanted = sorted(present) if wanted is None else wanted
        absent = [f'sa_{number:06d}' for number in wanted if number not in present]
        if absent and (missing == 'error' or len(absent) == len(wanted)):
            raise FileNotFoundError(
                f'{root} contains neither archive nor folder of '
                f'{", ".join(absent[:12])}{" ..." * (len(absent) > 12)} ({len(absent)} of '
                f'{format_count(len(wanted), "shard")}). Choose '
                "others with shards='20-29', use all that exist with shards=None, or set "
                "missing='drop'."
            )
        groups = [
            _folder_files(path) if path.is_dir() else _tar_files(path)
            for path in (present[number] for number in wanted if number in present)
        ]
    entries: list[Entry] = []
    single: list[str] = []
    for group in groups:
        found, alone = _pair_entries(group)
        entries += found
        single += alone
    if not entries:
        raise FileNotFoundError(f'{root} contains no sa_ID.jpg with sa_ID.json')
    return entries, single


def _folder_files(folder: Path) -> dict[str, FileSlice]:
    return {path.name: FileSlice(str(path)) for path in folder.iterdir() if path.is_file()}


def _tar_files(archive: Path) -> dict[str, FileSlice]:
    """File name -> part of the archive. The index is stored next to it if possible."""
    stat = archive.stat()
    stamp = {'format': _INDEX_FORMAT, 'bytes': stat.st_size, 'modified': stat.st_mtime_ns}
    index_file = archive.with_name(f'{archive.name}.index.json')
    try:
        index = json.loads(index_file.read_text())
    except (OSError, ValueError):
        index = {}
    if {key: index.get(key) for key in stamp} != stamp:
        index = {**stamp, 'files': _scan_archive(archive)}
        with contextlib.suppress(OSError):  # a read-only disk: scanned again next time
            write_atomically(index_file, json.dumps(index), sync=False)
    path = str(archive)  # one string for all
    return {name: FileSlice(path, offset, size) for name, (offset, size) in index['files'].items()}


def _scan_archive(archive: Path) -> dict[str, list[int]]:
    """File name -> offset and size in the archive."""
    try:
        # Python's tarfile ignores a truncated header, but then the end mark is missing.
        with archive.open('rb') as file:
            file.seek(-min(archive.stat().st_size, 2 * tarfile.BLOCKSIZE), 2)
            if any(file.read()):
                raise tarfile.ReadError('no mark at its end')
        with tarfile.open(archive, 'r:') as tar:
            return {
                Path(member.name).name: [member.offset_data, member.size]
                for member in tar
                if member.isfile()
            }
    except tarfile.TarError as error:
        raise OSError(
            f'{archive} is not a complete, uncompressed tar archive ({error}): download it again'
        ) from error


def _pair_entries(files: dict[str, FileSlice]) -> tuple[list[Entry], list[str]]:
    """Entries in the order of their numbers, and names of files without partner."""
    stems: dict[str, set[str]] = defaultdict(set)
    for name in files:
        stem, _, suffix = name.rpartition('.')
        if suffix in ('jpg', 'json') and not name.startswith('.'):
            stems[stem].add(suffix)

    def order(stem: str) -> tuple[int, str]:
        digits = re.sub(r'\D', '', stem)
        return (int(digits) if digits else 0, stem)

    complete = sorted((s for s, suffixes in stems.items() if len(suffixes) == 2), key=order)
    single = [f'{s}.{next(iter(suffixes))}' for s, suffixes in stems.items() if len(suffixes) == 1]
    entries = [Entry(stem, files[f'{stem}.jpg'], files[f'{stem}.json']) for stem in complete]
    return entries, sorted(name for name in single if name.startswith('sa_'))


def find_coco(annotation_file: str | Path, image_dir: str | Path) -> list[Entry]:
    """The images of a COCO-style instance file; crowds are left out.

    Args:
        annotation_file: JSON with ``images`` and ``annotations``; segmentations may be polygons
            or RLE, compressed or not.
        image_dir: Folder that the file names are relative to.

    Raises:
        FileNotFoundError: The file or the folder does not exist.
        ValueError: The file is not of that format.
    """
    annotation_file, image_dir = Path(annotation_file), Path(image_dir)
    if not annotation_file.is_file() or not image_dir.is_dir():
        missing = image_dir if annotation_file.is_file() else annotation_file
        raise FileNotFoundError(f'{missing} does not exist: set ann_file and image_dir')
    try:
        content = json.loads(annotation_file.read_text())
        images, annotations = content['images'], content['annotations']
        of_image: dict[int, list[dict]] = defaultdict(list)
        for annotation in annotations:
            if not annotation.get('iscrowd'):
                masks = of_image[annotation['image_id']]
                masks.append({'segmentation': annotation['segmentation']})
        return [
            Entry(
                image['file_name'],
                FileSlice(str(image_dir / image['file_name'])),
                # Bytes, because worker processes would copy nested Python objects page by page.
                json.dumps({'image': image, 'annotations': of_image[image['id']]}).encode(),
            )
            for image in images
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{annotation_file} is not COCO-style JSON with 'images' and 'annotations': {error!r}"
        ) from error


def choose(items: Sequence[Item], indices: int | Sequence[int] | None) -> list[Item]:
    """The first n items for a number n, those with these indices, or all for None."""
    if indices is None or isinstance(indices, int):
        return list(items[:indices])
    return [items[index] for index in indices]


def only_listed(entries: Sequence[Entry], names: str | Path | Iterable[str]) -> list[Entry]:
    """The entries named in a text file (one name per line, suffix optional) or an iterable.

    Raises:
        FileNotFoundError: There is no such list.
        ValueError: The list names images that do not exist.
    """
    source = 'names'
    if isinstance(names, str | Path):
        source = str(names)
        if not Path(names).is_file():
            raise FileNotFoundError(f'list of image names {names} does not exist')
        names = read_list(names)
    wanted = dict.fromkeys(re.sub(r'\.(jpg|json)$', '', name) for name in names)
    by_name = {re.sub(r'\.jpg$', '', entry.name): entry for entry in entries}
    absent = [name for name in wanted if name not in by_name]
    if absent or not wanted:
        raise ValueError(
            f'{source}: missing in the data: {len(absent)} of '
            f'{format_count(len(wanted), "name")}, such as {", ".join(absent[:5]) or "-"}'
        )
    return [by_name[name] for name in wanted]
