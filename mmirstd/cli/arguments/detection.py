"""Arguments for tiles, threshold and range of values."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from mmirstd.datasets.intensity import MODES, IntensityRange
from mmirstd.inference.options import DetectorOptions
from mmirstd.renamed import add_old_flag


def add_detection(parser: Any) -> None:
    """Add threshold, tiles, range of values and batch size to a parser or a group."""
    add = parser.add_argument
    add('--threshold', type=float, help="probability above which a pixel is a target (head's own)")
    size = add(
        '--tile-size', type=int, metavar='PX', help='cut larger frames into tiles of this side'
    )
    add_old_flag(parser, '--tile', size)
    add('--overlap', type=int, metavar='PX', help='pixels that tiles share (a quarter of a tile)')
    add(
        '--intensity-range',
        nargs='+',
        metavar='RANGE',
        help=f'sensor values that become 0 and 255: {", ".join(MODES)}, or two numbers such as '
        '0 16383 (those of the config)',
    )
    add('--batch-size', type=int, default=1, help='images or tiles at once (1)')


def check_detection(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Read the range of values; arguments that do not fit end the program as wrong usage."""
    if args.overlap is not None and args.tile_size is None:
        parser.error('--overlap needs --tile-size')
    if args.batch_size < 1:
        parser.error('--batch-size must be at least 1')
    if args.intensity_range is not None:
        args.intensity_range = _read_range(parser, args.intensity_range)


def detector_options(args: argparse.Namespace) -> DetectorOptions:
    """The options of a detector among the arguments."""
    names = vars(args).keys() & {field.name for field in fields(DetectorOptions)}
    return DetectorOptions(**{name: getattr(args, name) for name in names})


def _read_range(parser: argparse.ArgumentParser, words: Sequence[str]) -> IntensityRange:
    if len(words) == 1 and words[0] in MODES:
        return words[0]
    try:
        low, high = (float(word) for word in words)
    except ValueError:
        parser.error(f'--intensity-range: give one of {", ".join(MODES)}, or two numbers')
    return low, high
