"""Print a script that completes `mmirstd` commands and options in your shell.

Needs the package shtab (extra `completion`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import OK, reports_errors

SHELLS = ('bash', 'zsh', 'tcsh')


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser(
        'completion',
        __doc__,
        'bash > ~/.local/share/bash-completion/completions/mmirstd',
        'zsh > ~/.zfunc/_mmirstd',
    )
    parser.add_argument('shell', choices=SHELLS, help='your shell')
    return parser


@reports_errors(ImportError)
def main(argv: Sequence[str] | None = None) -> int:
    """Print the script; returns the exit code."""
    args = build_parser().parse_args(argv)
    try:
        import shtab
    except ImportError as error:
        message = "completion needs the package shtab: pip install 'mmirstd[completion]'"
        raise ImportError(message) from error
    from mmirstd.cli.main import build_full_parser

    print(shtab.complete(build_full_parser(), shell=args.shell))
    return OK
