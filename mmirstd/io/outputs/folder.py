"""A folder of results with a record of the files that a run wrote into it.

The record ``mmirstd_run.jsonl`` names every file before it is written, so it is complete even after
a kill. A later run refuses the folder, or removes exactly these files.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from mmirstd.io.outputs.atomic import (
    make_folder_of,
    remove_interrupted_writes,
    write_errors,
)
from mmirstd.io.outputs.growing import partial_path
from mmirstd.io.outputs.guard import Inputs, OutputError, StrPath, check_output
from mmirstd.io.outputs.lock import try_lock
from mmirstd.version import __version__
from mmirstd.wording import format_count

RECORD = 'mmirstd_run.jsonl'
"""Name of the record: a line about the run, one line per file, a last line with the state."""

_FORMAT = 'mmirstd run 1'
_COMPLETE = 'complete'


class OutputFolder:
    """Results of one run; a context manager.

    A run creates files and never replaces any, so all results in the folder are from one run.

    Args:
        folder: Folder for the results; created on entry.
        program: Name of the program for the record, such as ``'detect'``.
        inputs: Files that the run reads; see `mmirstd.io.outputs.guard.check_output`.
        overwrite: Remove, on entry, the files that an earlier run recorded here, and nothing else.
        part: Number of this process if several write one set of results. Number 0 must have entered
            before the others are created; only it checks earlier results.
        job: Everything that the results depend on, as plain values. It makes a run resumable.
        resume: Continue an earlier run of the same program, version and job, if there is one. Files
            that it recorded may be written again.

    Attributes:
        state: State of the run for the record; None for 'complete' or 'failed'.
        keep_on_failure: Whether a failed run keeps its files. Set it to False while they contain no
            result, so that the next run finds an empty folder.
        is_finished: Whether the run to continue is already complete.

    Raises:
        FileExistsError: The folder contains results of an earlier run that this one does not
            continue, or ``folder`` is a file.
        OutputError: A file to remove is an input.
    """

    def __init__(
        self,
        folder: StrPath,
        program: str,
        *,
        inputs: Inputs | Iterable[StrPath] = (),
        overwrite: bool = False,
        part: int = 0,
        job: Mapping[str, Any] | None = None,
        resume: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.program = program
        self.inputs = inputs if isinstance(inputs, Inputs) else Inputs(inputs)
        self.overwrite = overwrite
        self.state: str | None = None
        self.keep_on_failure = True
        self._is_new = not os.path.lexists(self.folder)
        self._header: dict[str, Any] = {'format': _FORMAT, 'program': program}
        self._header['mmirstd'] = __version__
        if job is not None:
            self._header['job'] = json.loads(json.dumps(job))
        self._earlier: set[str] = set()
        self._resumes = resume
        self._first = part == 0
        self._record_name = f'{Path(RECORD).stem}.{part}.jsonl' if part else RECORD
        self._record: TextIO | None = None
        self._own: set[str] = set()
        if self.folder.exists() and not self.folder.is_dir():
            raise FileExistsError(f'{self.folder} is a file, not a folder for results')
        if self._first:
            self._refuse_earlier_results()
        self.is_finished = self._continues() and self._earlier_run().state == _COMPLETE

    def __enter__(self) -> OutputFolder:
        self._open_record()
        try:
            if self._first:
                self._refuse_earlier_results()  # another run may have finished since
            now = datetime.now(timezone.utc).isoformat(timespec='seconds')
            if self._continues():
                self._read_own_record()
                self._append({'continued': now})
            else:
                if self._first:
                    self._remove_earlier_results()
                self._record.truncate(0)
                self._append({**self._header, 'started': now})
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        try:
            if kind is not None and not self.keep_on_failure and self._first:
                self._discard()
                return
            # On a full disk the record stays without a state.
            with contextlib.suppress(OSError):
                self.mark(self.state or (_COMPLETE if kind is None else 'failed'))
        finally:
            self._close()

    def mark(self, state: str) -> None:
        """Record the state of the run; the last one counts."""
        self._append({'state': state})

    def growing(self, relative: StrPath) -> Path:
        """The same as :meth:`path`, for a file that grows under a temporary name."""
        self.path(partial_path(relative))
        return self.path(relative)

    def path(self, relative: StrPath, *, again: bool = False) -> Path:
        """Where to write a file of this run; makes its folder and records the name.

        Args:
            relative: Name below the folder.
            again: Whether the run may write this file repeatedly, as each validation does.

        Raises:
            OutputError: See `mmirstd.io.outputs.guard.check_output`.
            FileExistsError: The file exists, from this run or from elsewhere.
            OSError: The disk is full or the folder read-only.
        """
        place = check_output(relative, folder=self.folder, inputs=self.inputs)
        relative = Path(relative)
        top = relative.parts[0]
        if top == self._record_name:
            raise OutputError(f'{place} is the record of the run; choose another name')
        if relative.as_posix() in self._earlier:
            make_folder_of(place)
            return place
        if top not in self._own:
            if os.path.lexists(self.folder / top) and not self._is_recorded(top):
                raise FileExistsError(
                    f'{self.folder / top} already exists and is not a result of this run; choose '
                    'another folder for results, or move it away'
                )
            self._own.add(top)
        elif os.path.lexists(place) and not again:
            raise FileExistsError(
                f'{place} was already written by this run: two results have the same name'
            )
        elif again and os.path.lexists(place):
            return place
        self._append({'file': relative.as_posix()})
        make_folder_of(place)
        return place

    def _open_record(self) -> None:
        path = check_output(self._record_name, folder=self.folder, inputs=self.inputs)
        make_folder_of(path)
        with write_errors(path):
            self._record = path.open('a+', encoding='utf-8')
        if not try_lock(self._record.fileno()):
            self._close()
            raise FileExistsError(
                f'{self.folder}: another run is writing into this folder; choose another folder'
            )

    def _close(self) -> None:
        if self._record is not None:
            with contextlib.suppress(OSError):
                self._record.close()
            self._record = None

    def _append(self, line: dict[str, Any]) -> None:
        if self._record is None:
            raise ValueError(f'{self.folder}: use OutputFolder in a with statement')
        with write_errors(self.folder / self._record_name):
            self._record.write(json.dumps(line) + '\n')
            self._record.flush()

    def _records(self) -> list[Path]:
        return sorted(self.folder.glob(f'{Path(RECORD).stem}*.jsonl'))

    def _other_records(self) -> list[Path]:
        return [record for record in self._records() if record.name != self._record_name]

    def _continues(self) -> bool:
        """Whether there is a run to continue."""
        return self._resumes and read_header(self.folder) is not None

    def _earlier_run(self) -> _EarlierRun:
        return _read_record(self.folder / self._record_name)

    def _read_own_record(self) -> None:
        self._earlier = set(self._earlier_run().files)
        self._own = {Path(name).parts[0] for name in self._earlier}
        if not (self.folder / self._record_name).read_bytes().endswith(b'\n'):  # torn by a kill
            self._record.write('\n')

    def _refuse_another_job(self) -> None:
        earlier = read_header(self.folder)
        if earlier is None or 'job' not in earlier:
            raise FileExistsError(
                f'{self.folder}: the earlier run cannot be continued, because its record does not '
                'say what its results depend on. Choose another folder, or replace them with '
                '--overwrite'
            )
        before, now = ({**header, **header.get('job', {})} for header in (earlier, self._header))
        keys = sorted({*earlier['job'], *self._header.get('job', {})})
        for key in ('program', 'mmirstd', *keys):
            if before.get(key) != now.get(key):
                raise FileExistsError(
                    f'{self.folder}: the earlier run cannot be continued, because {key} was '
                    f'{before.get(key)!r} and is {now.get(key)!r} now. Use the same arguments and '
                    'inputs, choose another folder, or replace the results with --overwrite'
                )

    def _refuse_earlier_results(self) -> None:
        if self.overwrite:
            list(self._removable())  # raises where one of them is an input
            return
        if self._continues():
            self._refuse_another_job()
            return
        for record in self._records():
            earlier = _read_record(record)
            left = sum(os.path.lexists(self.folder / name) for name in earlier.files)
            if left:
                more = ''
                if record.name == RECORD and 'job' in (read_header(self.folder) or {}):
                    more = '. --resume continues it, with the same arguments'
                raise FileExistsError(
                    f'{self.folder} contains {format_count(left, "file")} of an earlier run '
                    f'({earlier.origin}, {earlier.state or "ended abruptly"}). Choose another '
                    'folder for results, or replace these files with --overwrite '
                    f'(overwrite=True){more}'
                )

    def _removable(self) -> Iterator[Path]:
        for record in self._records():
            for name in _read_record(record).files:
                yield check_output(name, folder=self.folder, inputs=self.inputs)

    def _remove_earlier_results(self) -> None:
        for record in self._other_records():
            check_output(record.name, folder=self.folder, inputs=self.inputs)
        names: dict[Path, set[str]] = {}
        for place in list(self._removable()):
            place.unlink(missing_ok=True)
            names.setdefault(place.parent, set()).add(place.name)
        for folder, written in names.items():
            remove_interrupted_writes(folder, of=written)
        above = {
            p for folder in names for p in (folder, *folder.parents) if self.folder in p.parents
        }
        for folder in sorted(above, key=lambda p: len(p.parts), reverse=True):
            with contextlib.suppress(OSError):  # something else is in it
                folder.rmdir()
        for record in self._other_records():
            record.unlink()

    def _discard(self) -> None:
        """Remove what this run wrote, and the folder if this run created it."""
        with contextlib.suppress(OSError):
            self._remove_earlier_results()
            self._close()
            (self.folder / self._record_name).unlink()
            if self._is_new:
                self.folder.rmdir()

    def _is_recorded(self, top: str) -> bool:
        """Whether another process of this run wrote to ``top`` (padding repeats images)."""
        files = (name for record in self._other_records() for name in _read_record(record).files)
        return any(Path(name).parts[0] == top for name in files)


def read_header(folder: StrPath) -> dict[str, Any] | None:
    """First line of the record in a folder; None if there is no record or a kill has torn the line.

    Keys are ``program``, ``mmirstd`` (the version), ``started`` and, if the run can be continued,
    ``job``.

    Raises:
        FileExistsError: The file of this name is not a record.
    """
    record = Path(folder) / RECORD
    first = next(_lines(record), {}) if record.is_file() else {}
    return first if 'program' in first else None


def _lines(record: Path) -> Iterator[dict[str, Any]]:
    with record.open(encoding='utf-8', errors='replace') as file:
        for number, line in enumerate(file):
            try:
                content = json.loads(line)
            except ValueError:  # torn by a kill or a full disk
                continue
            if not isinstance(content, dict):
                continue
            if number == 0 and content.get('format') != _FORMAT:
                raise FileExistsError(
                    f'{record} is not the record of a run of mmirstd; choose another folder'
                )
            yield content


class _EarlierRun(NamedTuple):
    """A run as its record describes it; ``state`` is None while it runs and after a kill."""

    origin: str
    files: list[str]
    state: str | None


def _read_record(record: Path) -> _EarlierRun:
    program, started, state = 'unknown', 'unknown time', None
    files = []
    for line in _lines(record):
        program, started = line.get('program', program), line.get('started', started)
        state = None if 'continued' in line else line.get('state', state)
        name = line.get('file')
        if isinstance(name, str) and name and name != RECORD:
            files.append(name)
    return _EarlierRun(f'{program}, {started}', files, state)
