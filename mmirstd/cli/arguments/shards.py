"""Arguments for several processes or machines."""

from __future__ import annotations

import argparse

from mmirstd.cli.arguments.parser import positive
from mmirstd.parallel.parts import PARTS
from mmirstd.parallel.ray_data import LOCAL


def add_shard_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags for several processes or machines."""
    add = parser.add_argument_group('several processes or machines').add_argument
    add(
        '--workers',
        type=positive,
        metavar='N',
        help='share the images among N processes; the tables are those of one process',
    )
    add(
        '--ray',
        nargs='?',
        const=LOCAL,
        metavar='ADDRESS',
        help='share the images among the machines of a Ray cluster (without ADDRESS: a cluster on '
        'this machine); all machines must see the same folders',
    )
    add(
        '--parts',
        choices=PARTS,
        help='also write the table of targets in parts, one per shard of images, into DIR/parts',
    )
    add(
        '--resume',
        action='store_true',
        help='continue a run with --workers or --ray that was stopped or killed, if there is one',
    )


def is_sharded(args: argparse.Namespace) -> bool:
    """Whether several processes were requested."""
    return args.workers is not None or args.ray is not None


def shard_option(args: argparse.Namespace) -> str:
    """The flag that requested several processes."""
    return '--workers' if args.ray is None else '--ray'


def check_shard_usage(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Contradictory arguments end the program as wrong usage."""
    if not is_sharded(args):
        for option in ('parts', 'resume'):
            if getattr(args, option):
                parser.error(f'--{option} needs --workers or --ray')
        return
    option = shard_option(args)
    if args.out is None:
        parser.error(f'{option} writes files: give --out, the folder for them')
    if args.resume and args.overwrite:
        parser.error('--resume keeps what --overwrite removes: give one of them')
    if args.precision == 'auto':
        parser.error(
            f'--precision auto times the first images, so it could differ between workers: with '
            f'{option}, give float32 or bfloat16'
        )
    for name in ('video', 'save_plot'):
        if getattr(args, name) is not None:
            parser.error(f'--{name.replace("_", "-")} is drawn by one process: leave out {option}')
