"""Score a model on the test split of a config.

Runs MMSegmentation's test.py with a quiet terminal, so everything that `mim test` can do works.
Prints IoU, nIoU, Pd and Fa with their counts; docs/reference/metrics.md defines them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmirstd.cli.arguments.models import add_model_words, parse_model_words
from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.mmseg_tools import add_run_arguments, run_mmseg


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser(
        'test',
        __doc__,
        'simirstd_nudt work_dirs/nudt/best_irstd_IoU_epoch_150.pth',
        'simirstd_nudt weights.pth --out masks --show-dir pictures',
        'tiny --cfg-options test_dataloader.dataset.data_root=data/NUDT-SIRST',
    )
    add_model_words(parser)
    add = parser.add_argument
    add('--out', metavar='DIR', help='write the predicted masks')
    add('--show-dir', metavar='DIR', help='write pictures of hits, misses and false alarms')
    add('--show', action='store_true', help='show the pictures in a window')
    add('--wait-time', type=float, default=2, metavar='S', help='seconds for each picture (2)')
    add('--tta', action='store_true', help='test-time augmentation')
    add_run_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Test; returns the exit code."""
    args = parse_model_words(build_parser(), argv)
    words = [f'--{name}' for name in ('show', 'tta') if getattr(args, name)]
    if args.out is not None:
        words += ['--out', args.out]
    if args.show_dir is not None:
        words += ['--show-dir', args.show_dir]
    if args.show:
        words += ['--wait-time', str(args.wait_time)]
    return run_mmseg('test', args, words)
