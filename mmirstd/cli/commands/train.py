"""Train a model from a config.

Runs MMSegmentation's train.py with a quiet terminal, so everything that `mim train` can do works.
The log file in the work folder has all lines.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.mmseg_tools import add_run_arguments, run_mmseg


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser(
        'train',
        __doc__,
        'simirstd_nudt --work-dir work_dirs/nudt',
        'simirstd_nudt --work-dir work_dirs/nudt --resume',
        'my_config.py --amp --processes 4 --cfg-options train_cfg.max_epochs=50',
    )
    parser.add_argument(
        'config',
        help='config file, or name of a config such as simirstd_nudt or of weights',
    )
    parser.add_argument(
        '--resume', action='store_true', help='continue from the last checkpoint in the work folder'
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision: float16 on CUDA, bfloat16 on the CPU'
    )
    add_run_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Train; returns the exit code."""
    args = build_parser().parse_args(argv)
    flags = [f'--{name}' for name in ('resume', 'amp') if getattr(args, name)]
    return run_mmseg('train', args, flags)
