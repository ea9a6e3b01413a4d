"""List, show and download trained weights.

Commands take their names and download them as needed: download them yourself before you go offline.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import (
    EXPECTED_ERRORS,
    OK,
    OutputConsole,
    facts_table,
    make_table,
    reports_errors,
)
from mmirstd.weights import ModelInfo, find_model, get_model_info, list_models


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = make_parser(
        'models', __doc__, 'list', "list 'simirstd*'", 'show NAME', 'download NAME'
    )
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    one = actions.add_parser('list', help='names, sizes and scores')
    one.add_argument('pattern', nargs='?', default='*', help="shell pattern of names ('*')")
    one.add_argument('--names', action='store_true', help='print names only, one on each line')
    source = 'name, folder with model.json, or hf://owner/repository'
    one = actions.add_parser('show', help='everything that is known about one set of weights')
    one.add_argument('model', help=source)
    one = actions.add_parser('download', help='download and check the file, print its path')
    one.add_argument('model', help=source)
    return parser


@reports_errors(*EXPECTED_ERRORS)
def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the actions; returns the exit code."""
    args = build_parser().parse_args(argv)
    console = OutputConsole(highlight=False)
    if args.action == 'list':
        _list(args, console)
        return OK
    info = find_model(args.model) or get_model_info(args.model)  # the second raises an error
    if args.action == 'show':
        _show(info, console)
    else:
        print(info.weights_file())
    return OK


def _list(args: argparse.Namespace, console: Console) -> None:
    names = list_models(args.pattern)
    if args.names:
        print('\n'.join(names))
        return
    if not names:
        console.print('no published weights match')
        return
    table = make_table('name', 'trained on', numbers=('parameters', 'IoU'))
    for name in names:
        info = get_model_info(name)
        scores = '\n'.join(f'{score.dataset} {score.iou:.2f}' for score in info.scores) or '-'
        table.add_row(name, escape(info.trained_on), f'{info.parameters:,}', escape(scores))
    console.print(table)


def _show(info: ModelInfo, console: Console) -> None:
    console.print(f'[bold]{escape(info.name)}[/]: {escape(info.summary)}', soft_wrap=True)
    facts = {
        'other names': ', '.join(info.aliases),
        'config': info.config,
        'file': f'{info.file} ({info.size / 2**20:.1f} MiB)',
        'sha256': info.sha256,
        'parameters': f'{info.parameters:,}',
        'MACs at 256 x 256': f'{info.macs / 1e9:.2f} G',
        'tile size': f'{info.tile_size} px',
        'trained on': info.trained_on,
        'licence': info.licence,
        **{f'training: {key}': str(value) for key, value in info.training.items()},
    }
    console.print(facts_table({name: value for name, value in facts.items() if value}))
    if not info.scores:
        return
    table = make_table('split', numbers=('IoU %', 'nIoU %', 'Pd %', 'Fa 1e-6'))
    for score in info.scores:
        numbers = (f'{value:.2f}' for value in (score.iou, score.niou, score.pd, score.fa))
        table.add_row(escape(score.split), *numbers)
    console.print(table)
    rules = ', '.join(sorted({f'{score.matching} matching, {score.size}' for score in info.scores}))
    console.print(escape(rules))
