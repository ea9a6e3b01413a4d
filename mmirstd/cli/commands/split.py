"""Divide the images of a dataset into splits for training, validation and test.

Writes train.txt, val.txt and test.txt, which configs name as `split`. The hash of a name decides,
so the same images always give the same splits, and adding images moves none of the others. Images
with the same pixels go into the same split. Frames of a video look alike: keep them together with
--group sequence, or the test split resembles the training split.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmirstd.cli.arguments.datasets import add_folders
from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import OK, reports_errors
from mmirstd.datasets.selection import select_pairs
from mmirstd.datasets.splits.dividing import GROUPS, divide_names, group_names, join_copies
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.io.outputs.guard import check_output
from mmirstd.wording import format_count, list_some

PARTS = ('train', 'val', 'test')


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser(
        'split',
        __doc__,
        'data/own --out data/own/lists',
        'data/own --out data/own/lists --shares 0.8 0.1 0.1 --group sequence',
    )
    add = parser.add_argument
    add('root', help='folder of the dataset, as for `mmirstd check`')
    add('--out', required=True, metavar='DIR', help='folder of the splits; none may exist there')
    add(
        '--shares',
        type=float,
        nargs=3,
        default=(0.6, 0.2, 0.2),
        metavar=('TRAIN', 'VAL', 'TEST'),
        help='shares of the three splits; they sum to 1 (0.6 0.2 0.2)',
    )
    add(
        '--group',
        default='name',
        help=f'what stays together: {", ".join(GROUPS)}, or a regular expression (name)',
    )
    add('--salt', default='', help='another word gives another division')
    add('--allow-missing', action='store_true', help='leave out images without a mask')
    add_folders(parser)
    return parser


@reports_errors(OSError, ValueError)
def main(argv: Sequence[str] | None = None) -> int:
    """Write the splits; returns the exit code."""
    args = build_parser().parse_args(argv)
    files = {part: Path(args.out) / f'{part}.txt' for part in PARTS}
    if existing := [str(path) for path in files.values() if path.exists()]:
        raise FileExistsError(
            f'{", ".join(existing)} already exists, and earlier results refer to it. Choose '
            'another folder, or remove the old splits'
        )
    selection = select_pairs(
        args.root,
        image_dir=args.image_dir,
        mask_dir=args.mask_dir,
        image_suffix=args.image_suffix,
        mask_suffix=args.mask_suffix,
        missing='report',
    )
    without = [pair.image for pair in selection.missing_masks]
    if without and not args.allow_missing:
        raise FileNotFoundError(
            f'{format_count(len(without), "image")} without a mask: {list_some(without)}. Give '
            '--image-dir, --mask-dir and --mask-suffix if the masks have other names, or '
            '--allow-missing to leave these images out'
        )
    if not selection.pairs:
        raise ValueError(f'no image with a mask in {args.root}')
    groups = group_names([pair.name for pair in selection.pairs], args.group)
    groups, copies = join_copies(selection.pairs, groups)
    divided = divide_names(groups, dict(zip(PARTS, args.shares, strict=True)), args.salt)
    for part, names in divided.items():
        check_output(files[part])
        write_atomically(files[part], ''.join(f'{name}\n' for name in names))
    for part, names in divided.items():
        print(
            f'{files[part]}: {format_count(len(names), "image")} ({len(names) / len(groups):.1%})'
        )
    if without:
        print(f'note: {format_count(len(without), "image")} without a mask left out')
    if copies:
        print(
            f'note: {format_count(copies, "image is a copy", "images are copies")} of others; '
            'copies are in the same split'
        )
    return OK
