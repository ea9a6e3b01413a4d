"""Reading the lists of images that datasets are published with.

Lists in circulation end their lines with CRLF or LF, lack the final newline, write names with or
without suffix, start them with ``/`` (IRDST: ``/44/1(814)``) and name files in sub-folders.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from mmirstd.io.folders import IMAGE_SUFFIXES


def without_suffix(name: str) -> str:
    """Cut an image suffix off ``name``; any other dot belongs to the name."""
    path = PurePosixPath(name)
    return str(path.with_suffix('')) if path.suffix.lower() in IMAGE_SUFFIXES else name


def parse_list(content: bytes, source: str) -> list[str]:
    """Return the names in a list file, in their order.

    Args:
        content: The bytes of the file.
        source: What errors call the file.

    Returns:
        Names relative to the image folder with ``/`` between folders, without a leading ``/``;
        a suffix stays if the list writes it.

    Raises:
        ValueError: The list is no UTF-8 text, holds no name, names a file twice or a file outside
            the image folder.
    """
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ValueError(f'{source}: not a text list of image names ({error})') from error
    names: list[str] = []
    first_line: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.strip().replace('\\', '/').lstrip('/').removeprefix('./')
        if not name:
            continue
        if '..' in PurePosixPath(name).parts:
            raise ValueError(
                f'{source}, line {number}: {line.strip()!r} leads out of the image folder'
            )
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
    """Return the names in the list file ``path``; see :func:`parse_list`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no valid list.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'list of images not found: {path}')
    return parse_list(path.read_bytes(), str(path))
