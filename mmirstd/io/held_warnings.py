"""Warnings of libraries, kept off the screen and written to the log file when there is one."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

_PACKAGE = str(Path(__file__).resolve().parents[1])
_held: list[str] = []
_log_files: list[logging.FileHandler] = []


def hold_warnings() -> Callable[[], None]:
    """Keep Python warnings of libraries off the screen, see :func:`hold`.

    Returns:
        A function that shows warnings on the screen again.
    """
    before = warnings.showwarning
    if getattr(before, 'holds', False):
        return lambda: None

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: object = None,
        line: str | None = None,
    ) -> None:
        if str(Path(filename).resolve()).startswith(_PACKAGE):
            before(message, category, filename, lineno, file, line)
            return
        hold(warnings.formatwarning(message, category, filename, lineno, line).rstrip())

    def restore() -> None:
        warnings.showwarning = before

    show.holds = True  # type: ignore[attr-defined]
    warnings.showwarning = show
    return restore


def hold(text: str) -> None:
    """Write a text to the log file now, or as soon as there is one."""
    if not _log_files:
        _held.append(text)
        return
    # The text itself, not '%s': MMEngine's handlers drop a message that is equal to an earlier one.
    record = logging.LogRecord('mmengine', logging.WARNING, '', 0, text, None, None)
    for handler in _log_files:
        handler.handle(record)


def log_file() -> str | None:
    """The log file that :func:`hold` writes to; None before there is one."""
    return _log_files[0].baseFilename if _log_files else None


def release_held(handlers: Iterable[logging.Handler]) -> None:
    """Write all held texts, and later ones immediately, to the log files among ``handlers``."""
    _log_files[:] = [one for one in handlers if isinstance(one, logging.FileHandler)]
    waiting = _held[:]
    _held.clear()
    for text in waiting:
        hold(text)
