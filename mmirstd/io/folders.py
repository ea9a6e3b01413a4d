"""Folders: listing the images in one, through links without endless loops; the cache folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.npy', '.png', '.tif', '.tiff')
"""File name endings, in lower case, by which images and masks are found in folders."""


CACHE_VARIABLE = 'MMIRSTD_CACHE'


def cache_folder() -> Path:
    """The folder for what can be downloaded or measured again.

    Returns:
        ``$MMIRSTD_CACHE``, or ``mmirstd`` in the user's cache folder.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'mmirstd'


def is_hidden(name: str) -> bool:
    """Whether a file or folder is ignored: hidden files and the ``__MACOSX`` of archives."""
    return name.startswith('.') or name == '__MACOSX'


def image_files(folder: str | Path, *, recursive: bool = True) -> Iterator[Path]:
    """Image files below ``folder`` by their suffix, in no particular order.

    Linked files and folders count. A link that leads to nothing counts as well, so that whoever
    reads it names it; a link to one of its own parent folders is followed once at most.

    Args:
        folder: Where to look.
        recursive: Search sub-folders, too.

    Raises:
        OSError: A folder cannot be read; the message names it.
    """
    folder = Path(folder)
    yield from _image_files(folder, recursive, (os.path.realpath(folder),))


def _image_files(folder: Path, recursive: bool, parents: tuple[str, ...]) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        found = [entry for entry in entries if not is_hidden(entry.name)]
    for entry in found:
        path = folder / entry.name
        if entry.is_dir():
            real = os.path.realpath(path)
            if recursive and real not in parents:
                yield from _image_files(path, recursive, (*parents, real))
        elif path.suffix.lower() in IMAGE_SUFFIXES and (entry.is_file() or entry.is_symlink()):
            yield path
