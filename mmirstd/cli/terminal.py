"""What commands show on the terminal, and their exit codes."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

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
from rich.table import Table

from mmirstd.cli.stopping import is_output_unread
from mmirstd.stack import StackError

OK, FAILED, USAGE, PARTLY = 0, 1, 2, 3
"""Exit codes."""

EXPECTED_ERRORS = (ValueError, OSError, ImportError, KeyError, StackError)
"""Errors whose message is all that a user needs; others are faults and show their traceback."""

Item = TypeVar('Item')
Arguments = ParamSpec('Arguments')


class OutputConsole(Console):
    """Standard output, whose reader may end early as ``head`` does; see `stopping.run_tool`."""

    def on_broken_pipe(self) -> None:
        """Raise the error instead of ending the program with exit code 1."""
        raise BrokenPipeError


def print_error(error: BaseException) -> None:
    """Print an error on standard error, in one paragraph.

    Raises:
        BrokenPipeError: ``error`` itself, if it only says that no program reads the output any
            more.
    """
    if isinstance(error, BrokenPipeError) and is_output_unread():
        raise error
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    text = f'[bold red]error:[/] {escape(text)}'
    Console(stderr=True).print(text, soft_wrap=True, highlight=False)


def reports_errors(
    *errors: type[Exception], code: int = FAILED
) -> Callable[[Callable[Arguments, int]], Callable[Arguments, int]]:
    """Decorate a command: these errors are printed in one paragraph and end it with ``code``."""

    def decorate(command: Callable[Arguments, int]) -> Callable[Arguments, int]:
        @functools.wraps(command)
        def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
            try:
                return command(*args, **kwargs)
            except errors as error:
                print_error(error)
                return code

        return run

    return decorate


def make_table(*texts: str, numbers: Sequence[str] = (), title: str | None = None) -> Table:
    """A table whose columns of text wrap and whose columns of numbers are aligned."""
    table = Table(title=title, box=None, pad_edge=False)
    for name in texts:
        table.add_column(name, overflow='fold')
    for name in numbers:
        table.add_column(name, justify='right', no_wrap=True)
    return table


def facts_table(facts: Mapping[str, str]) -> Table:
    """Names and values, one pair per line."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True, style='bold')
    table.add_column(overflow='fold')
    for name, value in facts.items():
        table.add_row(name, escape(value))
    return table


def make_progress(
    console: Console, *, time: type[ProgressColumn] = TimeRemainingColumn, **options: Any
) -> Progress:
    """Progress bars with text, bar, counts and, as the last column, ``time``.

    Args:
        console: Where they are shown.
        time: Remaining or elapsed time.
        **options: Passed to `rich.progress.Progress`.
    """
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), time())
    return Progress(*columns, console=console, **options)


def show_progress(items: Iterable[Item], description: str) -> Iterator[Item]:
    """Iterate over items with a progress bar that disappears at the end."""
    with make_progress(Console(stderr=True), transient=True) as bar:
        yield from bar.track(items, description=description)


def load_libraries() -> None:
    """Import PyTorch and MMSegmentation, which takes seconds, without their messages."""
    main_process = os.environ.get('RANK', '0') == '0'
    waiting = Console(stderr=True).status('loading PyTorch and MMSegmentation')
    with waiting if main_process else contextlib.nullcontext():
        from mmirstd.inference.loading import import_mmseg

        show_warnings = import_mmseg()
    show_warnings()
