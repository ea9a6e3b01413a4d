"""How images are read and cut, on a command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from mmirstd.datasets.intensity import MODES, IntensityRange
from mmirstd.renamed import add_old_flag


def add_intensity_range(parser: Any) -> None:
    """Add ``--intensity-range`` to a parser or to a group of its arguments."""
    parser.add_argument(
        '--intensity-range',
        nargs='+',
        metavar='RANGE',
        help=f'sensor values that become 0 and 255: {", ".join(MODES)}, or two numbers such as '
        '0 16383 (as in the config)',
    )


def add_tiles(parser: Any) -> None:
    """Add ``--tile-size`` and ``--overlap`` to a parser or to a group of its arguments."""
    size = parser.add_argument(
        '--tile-size', type=int, metavar='PX', help='cut larger frames into tiles of this side'
    )
    add_old_flag(parser, '--tile', size)
    parser.add_argument(
        '--overlap', type=int, metavar='PX', help='pixels that tiles share (a quarter of a tile)'
    )


def check_tiles(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End the program as wrong usage where an overlap comes without tiles."""
    if args.overlap is not None and args.tile_size is None:
        parser.error('--overlap needs --tile-size')


def parse_intensity_range(
    parser: argparse.ArgumentParser, words: Sequence[str] | None
) -> IntensityRange | None:
    """The range of values that was given; anything else ends the program as wrong usage."""
    if words is None:
        return None
    if len(words) == 1 and words[0] in MODES:
        return words[0]
    try:
        low, high = (float(word) for word in words)
    except ValueError:
        parser.error(f'--intensity-range: give one of {", ".join(MODES)}, or two numbers')
    return low, high
