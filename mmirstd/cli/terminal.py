"""What commands show on the terminal: errors, progress, waiting; and what they return."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from mmirstd.stack import StackError

OK, FAILED, USAGE, PARTLY = 0, 1, 2, 3
"""Exit codes."""

EXPECTED_ERRORS = (ValueError, OSError, ImportError, KeyError, StackError)
"""Errors whose message is all that a user needs; others are faults and show their traceback."""

Item = TypeVar('Item')


def print_error(error: BaseException, console: Console | None = None) -> None:
    """Print what went wrong in one paragraph, on standard error unless there is a ``console``."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    console = console or Console(stderr=True)
    console.print(f'[bold red]error:[/] {escape(text)}', soft_wrap=True, highlight=False)


def make_progress(
    console: Console, *, time: type[ProgressColumn] = TimeRemainingColumn, **options: Any
) -> Progress:
    """Progress bars of the same look: text, bar, counts, time.

    Args:
        console: Where they are shown.
        time: The last column.
        **options: Of `rich.progress.Progress`.
    """
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), time())
    return Progress(*columns, console=console, **options)


def show_progress(
    items: Iterable[Item], description: str, console: Console, total: int | None = None
) -> Iterable[Item]:
    """Go through items with a bar on the terminal, which disappears at the end."""
    if total is None and isinstance(items, Sequence):
        total = len(items)
    with make_progress(console, transient=True) as bar:
        yield from bar.track(items, total=total, description=description)


def load_libraries(console: Console | None = None) -> Callable[[], None]:
    """Import PyTorch and MMSegmentation, which takes seconds, without their messages.

    Args:
        console: Shows what is waited for; standard error if there is none.

    Returns:
        A function that shows warnings on the screen again.
    """
    main_process = os.environ.get('RANK', '0') == '0'
    waiting = (console or Console(stderr=True)).status('loading PyTorch and MMSegmentation')
    with waiting if main_process else contextlib.nullcontext():
        from mmirstd.inference.loading import import_mmseg

        return import_mmseg()
