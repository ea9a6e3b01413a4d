"""Check the files of a dataset and count its images and targets.

The layout of the folder is recognised (SIRST, NUDT-SIRST, IRSTD-1k, MDFA, SIRST-v2, IRDST, their
repacks, one folder per split, or your own two folders). Every image and mask is read.
Defects that a dataset was published with are notes, not problems.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmirstd.cli.arguments.datasets import add_folders, add_void_value
from mmirstd.cli.arguments.parser import make_parser, positive
from mmirstd.cli.messages import first_of_each_reason
from mmirstd.cli.terminal import FAILED, OK, USAGE, reports_errors, show_progress
from mmirstd.datasets.checking import DatasetReport, check_dataset
from mmirstd.datasets.layouts import LAYOUTS
from mmirstd.renamed import add_old_flag
from mmirstd.wording import format_count

AREA_BINS = ((1, 1), (2, 9), (10, 49), (50, 99), (100, None))
"""Ranges of target areas in pixels, both ends included."""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser('check', __doc__, 'data/SIRST', 'data/own --image-dir ir --mask-dir gt')
    add = parser.add_argument
    add('root', help='folder of the dataset')
    add(
        '--split',
        help="published split ('nudt/dnanet_50_50_test'), text file ('50_50/test.txt') or folder "
        "of the layout ('test'); default: the whole folder",
    )
    layouts = ', '.join(layout.name for layout in LAYOUTS)
    add('--layout', default='auto', help=f'auto (default), {layouts}')
    add('--dataset', help='name of the dataset if the folder does not show it, e.g. mdfa')
    for old, suffix in zip(('--image-tail', '--mask-tail'), add_folders(parser), strict=True):
        add_old_flag(parser, old, suffix)
    add('--exclude', metavar='LIST', help='text file with names of images to leave out')
    add('--images-only', action='store_true', help='accept images without masks (for inference)')
    add(
        '--mask-threshold',
        type=float,
        default=0,
        metavar='VALUE',
        help='value that target pixels of masks exceed (0); 127 for masks with JPEG noise',
    )
    add_void_value(parser)
    add(
        '--resize',
        type=positive,
        metavar='PX',
        help='also count targets after resizing the masks to PX x PX (nearest neighbour)',
    )
    return parser


def _spread(values: np.ndarray) -> str:
    if not len(values):
        return '-'
    return f'min {values.min()}, median {np.median(values):g}, max {values.max()}'


def _common(counter: Counter, limit: int = 4) -> str:
    parts = [f'{value} ({count})' for value, count in counter.most_common(limit)]
    if len(counter) > limit:
        parts.append(format_count(len(counter) - limit, 'other'))
    return '; '.join(parts) or '-'


def _bins(areas: np.ndarray) -> str:
    parts = []
    for low, high in AREA_BINS:
        inside = int(((areas >= low) & (areas <= (high or np.inf))).sum())
        name = f'{low}' if low == high else f'{low}-{high}' if high else f'>= {low}'
        parts.append(f'{name} px: {inside}')
    return ', '.join(parts)


def _sizes(report: DatasetReport) -> str:
    shapes = report.counter('shape')
    if len(shapes) <= 2:
        return _common(Counter({f'{w} x {h}': count for (h, w), count in shapes.items()}))
    heights, widths = np.array([facts.shape for facts in report.facts]).T
    ranges = f'{widths.min()}-{widths.max()} x {heights.min()}-{heights.max()}'
    return f'{ranges}, {len(shapes)} different'


def summary_table(report: DatasetReport) -> Table:
    """Counts of a checked dataset as a table."""
    selection = report.selection
    table = Table(title=escape(f'{selection.root} - {selection.split or "all images"}'))
    table.add_column('property')
    table.add_column('value', overflow='fold')
    layout, dataset = selection.layout, selection.dataset
    rows = {
        'dataset': dataset.title if dataset else 'not a known one',
        'layout': f'{layout.name}: {layout.contents}',
        'images': len(report.facts),
        'image size (width x height)': _sizes(report),
        'pixels': _common(report.counter('pixels')),
        'mask values': _common(report.counter('mask_values')),
        'targets (8-connected)': len(report.areas),
    }
    if report.resized_targets is not None:
        rows['targets after resize'] = report.resized_targets
    rows |= {
        'images without target': report.images_without_target,
        'targets per image': _spread(np.array([len(facts.areas) for facts in report.facts])),
        'target area in px': _spread(report.areas),
        'targets by area': _bins(report.areas),
        'target pixels': f'{report.foreground_fraction:.4%}',
        'left out as damaged': len(selection.damaged),
        'left out as requested': len(selection.excluded),
        'problems': len(report.problems),
    }
    for name, value in rows.items():
        table.add_row(name, escape(str(value)))
    return table


def split_table(report: DatasetReport) -> Table:
    """Counts of the published splits and folders in a checked dataset as a table."""
    table = Table(title='splits')
    table.add_column('split', overflow='fold')
    for column in ('listed', 'images here', 'targets'):
        table.add_column(column, justify='right')
    for count in report.lists:
        table.add_row(count.name, str(count.listed), str(count.images), str(count.targets))
    return table


@reports_errors(OSError, ValueError, code=USAGE)
def main(argv: Sequence[str] | None = None) -> int:
    """Print what was counted and found; returns the exit code."""
    args = vars(build_parser().parse_args(argv))
    report = check_dataset(
        args.pop('root'),
        args.pop('split'),
        resize_to=args.pop('resize'),
        progress=partial(show_progress, description='reading'),
        **args,
    )
    out = Console()
    out.print(summary_table(report))
    if report.lists:
        out.print(split_table(report))
    for note in report.notes:
        out.print(f'[yellow]note:[/yellow] {escape(note)}', soft_wrap=True)
    for problem in first_of_each_reason(report.problems):
        out.print(f'[red]problem:[/red] {escape(problem)}', soft_wrap=True)
    out.print('[red]FAILED[/red]' if report.problems else '[green]OK[/green]')
    return FAILED if report.problems else OK
