"""The one rule about where results may be written.

No result replaces an input, leaves the folder for results or follows a link. Every writer of this
package calls :func:`check_output` first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

StrPath = str | os.PathLike[str]


class OutputError(ValueError):
    """The requested path must not be written to; the message says why."""


class Inputs:
    """The files that a run reads, which no result may replace.

    A file is recognised under every name: through links, hard links, relative paths and, if the
    file system ignores case, in upper or lower case.

    Args:
        paths: Files, and folders with all files directly in them. Missing ones are ignored.
    """

    def __init__(self, paths: Iterable[StrPath] = ()) -> None:
        self._names: dict[tuple[int, int], str] = {}
        for path in paths:
            self.add(path)

    def add(self, path: StrPath) -> None:
        """Protect another file, or the files directly in another folder."""
        files = [path]
        if os.path.isdir(path):
            with os.scandir(path) as entries:
                files = [entry.path for entry in entries]
        for file in files:
            if (key := _identity(file)) is not None:
                self._names[key] = os.fspath(file)

    def find(self, path: StrPath) -> str | None:
        """Name of the input that ``path`` is; None if it is not an input."""
        key = _identity(path)
        return None if key is None else self._names.get(key)


def check_output(
    path: StrPath, *, folder: StrPath | None = None, inputs: Inputs | Iterable[StrPath] = ()
) -> Path:
    """Return the place of a result, or raise if nothing may be written there.

    Args:
        path: File to write. With ``folder`` it is a name below that folder.
        folder: Folder for results. The user named it, so it may be a link; nothing below it may.
        inputs: Files that the run reads.

    Raises:
        OutputError: The place is outside of the folder, a link, reached through a link below the
            folder, an input, or a folder.
    """
    place = Path(path) if folder is None else Path(folder) / path
    if folder is not None:
        parts = Path(path).parts
        if not parts or Path(path).is_absolute() or '..' in parts:
            raise OutputError(
                f'{path}: would be written outside of {folder}; give a name below that folder'
            )
        for depth in range(1, len(parts)):
            _refuse_link(Path(folder, *parts[:depth]))
    _refuse_link(place)
    if place.is_dir():
        raise OutputError(f'{place} is a folder; choose another name for the file')
    known = inputs if isinstance(inputs, Inputs) else Inputs(inputs)
    name = known.find(place)
    if name is not None:
        same = '' if Path(name) == place else f', the same file as {name},'
        raise OutputError(f'{place}{same} is an input; choose another place for results')
    return place


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise OutputError(
            f'{path} is a link to {os.readlink(path)}; results are not written through links. '
            'Remove it or choose another place'
        )


def _identity(path: StrPath) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
