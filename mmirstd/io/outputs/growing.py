"""Files that grow during a run: tables, JSON lists, videos.

Until it is complete, such a file is called ``NAME.part.SUFFIX``; then it gets its own name. It can
be read at any time: every append is on the disk whole, or not at all.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmirstd.io.outputs.atomic import explain_write_error
from mmirstd.io.outputs.guard import StrPath, check_output

_FORMULA = ('=', '+', '-', '@', '\t', '\r', "'")


def partial_path(path: StrPath) -> Path:
    """What a growing file is called until it is complete: ``clip.part.mp4`` for ``clip.mp4``."""
    path = Path(path)
    return path.with_name(f'{path.stem}.part{path.suffix}')


class GrowingFile:
    """A file that is appended to and named when it is complete.

    Args:
        path: Its final name; an existing file is replaced, at the end.
        head: What it begins with.
        tail: What is added when it is complete.

    Raises:
        OutputError: See `mmirstd.io.outputs.guard.check_output`.
        OSError: The file cannot be written; the message names it.
    """

    def __init__(self, path: StrPath, head: bytes = b'', tail: bytes = b'') -> None:
        self.path = check_output(path)
        self.partial = check_output(partial_path(path))
        self._tail = tail
        self._size = 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.partial.open('wb', buffering=0)
        except OSError as error:
            raise explain_write_error(error, self.partial) from error
        self.append(head)

    def append(self, data: bytes) -> None:
        """Add ``data``; if that fails, the file keeps what it had.

        Raises:
            OSError: The disk is full or a limit was reached; the message names the file.
        """
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(self._size)
                self._file.seek(self._size)
            raise explain_write_error(error, self.partial) from error
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
                os.fsync(self._file.fileno())
        except OSError as error:
            raise explain_write_error(error, self.partial) from error
        finally:
            self._file.close()
        if complete:
            os.replace(self.partial, self.path)


class CsvTable(GrowingFile):
    """A table that grows by whole rows.

    Args:
        path: File to write, ``.csv``.
        columns: Its header.
    """

    def __init__(self, path: StrPath, columns: Sequence[str]) -> None:
        super().__init__(path, csv_text([columns]))

    def write_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows, all of them or, on a full disk, none.

        Raises:
            OSError: As for :meth:`GrowingFile.append`.
        """
        self.append(csv_text(rows))


def csv_text(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as the content of a CSV file; text cells are made safe by :func:`safe_cell`.

    Names of files that are not valid UTF-8 keep their bytes.
    """
    text = io.StringIO(newline='')
    csv.writer(text).writerows(
        [safe_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return text.getvalue().encode('utf-8', 'surrogateescape')


def safe_cell(text: str) -> str:
    """``text`` with an apostrophe before it where a spreadsheet would run it as a formula.

    A cell that begins with an apostrophe gets one as well, so removing the first apostrophe of a
    cell always gives back the text.
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
