"""The one rule about where results may be written.

A result is never written onto an input, outside of the folder that was named for results, or
through a link. Every writer of this package asks :func:`check_output` first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

StrPath = str | os.PathLike[str]


class OutputError(ValueError):
    """A file must not be written to the requested path; the message says why."""


class Inputs:
    """The files that a run reads, which no result may replace.

    A file counts as the same under every name: through links, hard links, relative paths and, where
    the file system ignores it, upper or lower case.

    Args:
        paths: Files, and folders with all files directly in them. What does not exist is ignored,
            because it cannot be overwritten.
    """

    def __init__(self, paths: Iterable[StrPath] = ()) -> None:
        self._names: dict[tuple[int, int], str] = {}
        for path in paths:
            self.add(path)

    def add(self, path: StrPath) -> None:
        """Protect one more file, or the files directly in one more folder."""
        if os.path.isdir(path):
            with os.scandir(path) as entries:
                for entry in entries:
                    self._add_file(entry.path)
        else:
            self._add_file(path)

    def _add_file(self, path: StrPath) -> None:
        key = _identity(path)
        if key is not None:
            self._names[key] = os.fspath(path)

    def find(self, path: StrPath) -> str | None:
        """The name under which ``path`` is an input; None if it is none."""
        key = _identity(path)
        return None if key is None else self._names.get(key)


def check_output(
    path: StrPath, *, folder: StrPath | None = None, inputs: Inputs | Iterable[StrPath] = ()
) -> Path:
    """Return the place of a result, or raise if nothing may be written there.

    Args:
        path: File to write. With ``folder`` it is a name below that folder.
        folder: Folder for results. It may itself be reached through a link, because the user named
            it; what lies below must not.
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
        raise OutputError(f'{place} is a folder, so no file of that name can be written')
    known = inputs if isinstance(inputs, Inputs) else Inputs(inputs)
    name = known.find(place)
    if name is not None:
        same = '' if Path(name) == place else f', the same file as {name},'
        raise OutputError(
            f'{place}{same} is an input and would be overwritten; choose another place for results'
        )
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
