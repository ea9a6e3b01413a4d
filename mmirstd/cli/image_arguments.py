"""How images are read, on a command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from mmirstd.datasets.intensity import MODES, IntensityRange


def add_intensity_range(parser: Any) -> None:
    """Add ``--intensity-range`` to a parser or to a group of its arguments."""
    parser.add_argument(
        '--intensity-range',
        nargs='+',
        metavar='RANGE',
        help=f'sensor values that become 0 and 255: {", ".join(MODES)}, or two numbers such as '
        '0 16383 (as in the config)',
    )


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
