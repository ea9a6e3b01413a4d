"""Listing the images of folders, and the cache folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.npy', '.png', '.tif', '.tiff')
"""Suffixes of image and mask files, in lower case."""

CACHE_VARIABLE = 'MMIRSTD_CACHE'


def cache_folder() -> Path:
    """The folder for files that can be downloaded or measured again.

    Returns:
        ``$MMIRSTD_CACHE``, or ``mmirstd`` in the user's cache folder.
    """
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'mmirstd'


def is_hidden(name: str) -> bool:
    """Whether a file or folder is ignored: hidden files and the ``__MACOSX`` of archives."""
    return name.startswith('.') or name == '__MACOSX'


def image_files(folder: str | Path, *, recursive: bool = True) -> Iterator[Path]:
    """Files below ``folder`` with an image suffix, in no particular order.

    Links count, even broken ones, so that reading them gives an error with their name. A link to
    one of its own parent folders is not followed.

    Args:
        folder: Folder to search.
        recursive: Search sub-folders, too.

    Raises:
        OSError: A folder cannot be read; the message names it.
    """
    waiting = [(Path(folder), {os.path.realpath(folder)})]
    while waiting:
        here, parents = waiting.pop()
        with os.scandir(here) as entries:
            found = [entry for entry in entries if not is_hidden(entry.name)]
        for entry in found:
            path = here / entry.name
            if entry.is_dir():
                if recursive and (real := os.path.realpath(path)) not in parents:
                    waiting.append((path, {*parents, real}))
            elif path.suffix.lower() in IMAGE_SUFFIXES and (entry.is_file() or entry.is_symlink()):
                yield path
