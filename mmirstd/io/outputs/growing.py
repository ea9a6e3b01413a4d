"""Files that grow during a run: tables and JSON lists.

Such a file is called ``NAME.part.SUFFIX`` until it is complete. It can be read at any time, because
it contains whole appends only.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmirstd.io.outputs.atomic import make_folder_of, write_errors
from mmirstd.io.outputs.guard import StrPath, check_output

_FORMULA = ('=', '+', '-', '@', '\t', '\r', "'")


def partial_path(path: StrPath) -> Path:
    """Name of a growing file until it is complete: ``clip.part.mp4`` for ``clip.mp4``."""
    path = Path(path)
    return path.with_name(f'{path.stem}.part{path.suffix}')


class GrowingFile:
    """A file for appending that gets its name when it is complete.

    Args:
        path: Final name; an existing file is replaced at the end.
        head: First content.
        tail: Content that completes the file.

    Raises:
        OutputError: See `mmirstd.io.outputs.guard.check_output`.
        OSError: The file cannot be written; the message names it.
    """

    def __init__(self, path: StrPath, head: bytes = b'', tail: bytes = b'') -> None:
        self.path = check_output(path)
        self.partial = check_output(partial_path(path))
        self._tail = tail
        self._size = 0
        make_folder_of(self.partial)
        with write_errors(self.partial):
            self._file = self.partial.open('wb', buffering=0)
        self.append(head)

    def append(self, data: bytes) -> None:
        """Add ``data``; if that fails, the file stays as it was.

        Raises:
            OSError: The disk is full or a limit was reached; the message names the file.
        """
        rest = memoryview(data)
        with write_errors(self.partial):
            try:
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError:
                with contextlib.suppress(OSError):
                    self._file.truncate(self._size)
                    self._file.seek(self._size)
                raise
        self._size += len(data)

    def close(self, *, complete: bool) -> None:
        """Give the file its name if it is ``complete``; otherwise leave it as it is.

        Raises:
            OSError: The end could not be written; the file keeps its temporary name.
        """
        if self._file.closed:
            return
        try:
            if complete:
                self.append(self._tail)
                with write_errors(self.partial):
                    os.fsync(self._file.fileno())
        finally:
            self._file.close()
        if complete:
            os.replace(self.partial, self.path)


class CsvTable(GrowingFile):
    """A table that grows by whole rows.

    Args:
        path: File to write, ``.csv``.
        columns: Names of the columns.
    """

    def __init__(self, path: StrPath, columns: Sequence[str]) -> None:
        super().__init__(path, csv_text([columns]))

    def write_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add all rows or, if that fails, none; errors are those of :meth:`GrowingFile.append`."""
        self.append(csv_text(rows))


def csv_text(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV. :func:`safe_cell` protects text; file names keep bytes that are not UTF-8."""
    text = io.StringIO(newline='')
    csv.writer(text).writerows(
        [safe_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return text.getvalue().encode('utf-8', 'surrogateescape')


def safe_cell(text: str) -> str:
    """``text``, with an apostrophe before it if a spreadsheet would run it as a formula.

    Text that begins with an apostrophe gets another one, so removing the first apostrophe of a cell
    always restores the text.
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
