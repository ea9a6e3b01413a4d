"""What the command lines have in common: their look, exit codes, errors and progress bars."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mmirstd.stack import StackError

OK, FAILED, USAGE, PARTLY = 0, 1, 2, 3
"""Exit codes."""

EXIT_CODES = """\
exit codes of all sub-commands:
  0         done
  1         failed, or `check` found problems; the message names them
  2         wrong usage, or a dataset, split or folder that is not understood
  3         finished, but some inputs could not be used and were skipped
  130, 143  stopped by Ctrl-C or SIGTERM; complete files are kept
"""

EXPECTED_ERRORS = (ValueError, OSError, ImportError, KeyError, StackError)
"""Errors whose message is all that a user needs; others are faults and show their traceback."""

Item = TypeVar('Item')


class _WithDefaults(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions and shows defaults."""


def make_parser(
    name: str,
    description: str | None,
    *examples: str,
    codes: bool = True,
    defaults: bool = False,
) -> argparse.ArgumentParser:
    """The parser of a sub-command.

    Args:
        name: Of the sub-command.
        description: What it does; usually the docstring of its module.
        *examples: Complete command lines, without `mmirstd NAME`.
        codes: Whether the help ends with the exit codes.
        defaults: Whether the help adds the default to each argument by itself.
    """
    lines = [f'  mmirstd {name} {example}'.rstrip() for example in examples]
    epilog = '\n'.join(['examples:' if len(lines) > 1 else 'example:', *lines, ''])
    return argparse.ArgumentParser(
        prog=f'mmirstd {name}',
        description=description,
        epilog=epilog + (f'\n{EXIT_CODES}' if codes else ''),
        formatter_class=_WithDefaults if defaults else argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def positive(text: str) -> int:
    """An integer of at least 1, for argparse."""
    if (value := int(text)) < 1:
        raise ValueError
    return value


def print_error(error: BaseException, console: Console) -> None:
    """Print what went wrong in one paragraph."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    console.print(f'[bold red]error:[/] {escape(text)}', soft_wrap=True, highlight=False)


def show_progress(
    items: Iterable[Item], description: str, console: Console, total: int | None = None
) -> Iterable[Item]:
    """Go through items with a bar on the terminal, which disappears at the end."""
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    if total is None and isinstance(items, Sequence):
        total = len(items)
    with Progress(*columns, console=console, transient=True) as bar:
        yield from bar.track(items, total=total, description=description)
