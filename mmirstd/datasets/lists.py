"""Read lists of images, those that datasets are published with and those of users.

Published lists end their lines with CRLF or LF, lack the final newline, write names with or
without suffix, start them with ``/`` (IRDST: ``/44/1(814)``) and name files in sub-folders. Lists
of users also contain absolute paths, the folder of the images, comments, a second column with the
mask or a label, a header and quotes, and may be UTF-16, as programs of Windows save it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath

from mmirstd.io.folders import IMAGE_SUFFIXES

LIST_SUFFIXES = ('.txt', '.lst', '.list', '.csv', '.tsv')
"""A split whose name ends in one of these is a text file of names."""

_HEADERS = ('name', 'filename', 'file_name', 'file', 'image', 'img', 'image_path', 'img_path',
            'path', 'id')  # fmt: skip
_FLAG = re.compile(r'(\S+)\s+(?:-1|0|1)')  # PASCAL VOC: whether an image has an object


def without_suffix(name: str) -> str:
    """Cut an image suffix off ``name``; any other dot belongs to the name."""
    path = PurePosixPath(name)
    return str(path.with_suffix('')) if _has_suffix(name) else name


def parse_list(content: bytes, source: str) -> list[str]:
    """Return the names in a text file, in their order.

    Args:
        content: The bytes of the file: UTF-8, or UTF-16 with a byte order mark. Lines that begin
            with ``#`` are comments; of several columns the first counts.
        source: Name of the file in errors.

    Returns:
        Names with ``/`` between folders, without a leading ``/``. Suffixes and folders of the list
        are kept; :func:`find_name` finds the file.

    Raises:
        ValueError: The list is not text, contains no name, names a file twice or a file outside
            of the image folder.
    """
    lines = [
        (number, line.strip())
        for number, line in enumerate(_decode(content, source).splitlines(), start=1)
    ]
    lines = [(number, line) for number, line in lines if line and not line.startswith('#')]
    names: list[str] = []
    first_line: dict[str, int] = {}
    for number, text in _first_columns(lines):
        name = text.replace('\\', '/').lstrip('/')
        while name.startswith('./'):
            name = name.removeprefix('./')
        if not name:
            continue
        if '..' in PurePosixPath(name).parts:
            raise ValueError(f'{source}, line {number}: {text!r} leads out of the image folder')
        stem = without_suffix(name)
        if stem in first_line:
            raise ValueError(
                f'{source}, line {number}: {name!r} is listed already in line {first_line[stem]}; '
                'an image listed twice would count twice in every metric'
            )
        first_line[stem] = number
        names.append(name)
    if not names:
        raise ValueError(f'{source}: the list names no image')
    return names


def read_list(path: str | Path) -> list[str]:
    """Return the names in the text file ``path``; see :func:`parse_list`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a valid list.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'list of images not found: {path}')
    return parse_list(path.read_bytes(), str(path))


def find_name(name: str, known: Container[str]) -> str | None:
    """Find the known name that has the most folders in common with a name in a list.

    Args:
        name: Name with or without suffix, relative to the image folder, to any folder above it, or
            absolute.
        known: Names relative to the image folder, without suffix.
    """
    return next((candidate for candidate in _candidates(name) if candidate in known), None)


def _candidates(name: str) -> Iterator[str]:
    parts = PurePosixPath(name).parts
    for start in range(len(parts)):
        tail = '/'.join(parts[start:])
        yield from dict.fromkeys((without_suffix(tail), tail))


def _has_suffix(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def _decode(content: bytes, source: str) -> str:
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        text = content.decode('utf-16' if content.startswith(marks) else 'utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{source}: not a text list of image names ({error}); save it as UTF-8'
        ) from error
    if '\0' in text:
        raise ValueError(f'{source}: not a text list of image names (it contains zero bytes)')
    return text


def _first_columns(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    flags = [match[1] for _, line in lines if (match := _FLAG.fullmatch(line))]
    # "frame 0" and "frame 1" are names with a blank; the names of a list with flags differ.
    if len(flags) == len(lines) == len(set(flags)):
        yield from ((number, name) for (number, _), name in zip(lines, flags, strict=True))
        return
    for place, (number, line) in enumerate(lines):
        columns = _columns(line)
        if place == 0 and len(columns) > 1 and columns[0].lower() in _HEADERS:
            continue
        yield number, columns[0]


def _columns(line: str) -> list[str]:
    """The columns of a line; a separator may also belong to a name."""
    for separator in ('\t', ',', ';'):
        columns = [column.strip().strip('"\'') for column in line.split(separator)]
        if len(columns) > 1 and (
            separator == '\t' or _has_suffix(columns[0]) or not _has_suffix(columns[-1])
        ):
            return columns
    # "a.png b.png", but not "my image.png".
    first, _, rest = line.partition(' ')
    if rest and _has_suffix(first):
        return [first, *rest.split()]
    return [line.strip('"\'')]
