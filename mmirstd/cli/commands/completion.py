"""Print a script that completes `mmirstd` commands and options in your shell.

Needs the package shtab (extra `completion`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console

from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import FAILED, OK, print_error

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


def main(argv: Sequence[str] | None = None) -> int:
    """Print the script; returns the exit code."""
    args = build_parser().parse_args(argv)
    try:
        import shtab
    except ImportError:
        message = "completion needs the package shtab: pip install 'mmirstd[completion]'"
        print_error(ImportError(message), Console(stderr=True))
        return FAILED
    from mmirstd.cli.main import build_full_parser

    print(shtab.complete(build_full_parser(), shell=args.shell))
    return OK
