"""The parser of a sub-command, with examples and exit codes in its help."""

from __future__ import annotations

import argparse

EXIT_CODES = """\
exit codes of all sub-commands:
  0         done
  1         failed, or `check` found problems; the message names them
  2         wrong usage, or a dataset, split or folder that cannot be read
  3         finished, but some inputs could not be used and were skipped
  130, 143  stopped by Ctrl-C or SIGTERM; complete files are kept
"""


class _WithDefaults(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions, and adds the default to the help of each argument."""


def make_parser(
    name: str,
    description: str | None,
    *examples: str,
    codes: bool = True,
    defaults: bool = False,
) -> argparse.ArgumentParser:
    """The parser of a sub-command.

    Args:
        name: Name of the sub-command.
        description: What it does; usually the docstring of its module.
        *examples: Complete command lines, without `mmirstd NAME`.
        codes: Whether the help ends with the exit codes.
        defaults: Whether the help shows the default of each argument.
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
