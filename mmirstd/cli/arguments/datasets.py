"""Arguments that say where the files of a dataset are."""

from __future__ import annotations

import argparse


def add_folders(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Add the folders and suffixes of a custom layout; returns the two suffixes."""
    add = parser.add_argument
    add('--image-dir', help='image folder of a custom layout, below ROOT')
    add('--mask-dir', help='mask folder of a custom layout, below ROOT')
    return [
        add('--image-suffix', default='', help="what image names end in there, e.g. '_1'"),
        add('--mask-suffix', default='', help="what mask names end in there, e.g. '_mask'"),
    ]


def add_void_value(parser: argparse.ArgumentParser) -> None:
    """Add the value of mask pixels that are not evaluated."""
    parser.add_argument(
        '--void-value',
        type=int,
        metavar='GRAY',
        help='leave out mask pixels with this value (none), such as 255 of masks with 0, 1 and 255',
    )
