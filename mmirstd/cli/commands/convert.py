"""Convert a published checkpoint of another code base into one of this package.

Strict: every key of the file is used or known to be unused by the original, every weight of our
model is filled, and all shapes agree; otherwise nothing is written and the message says what
differs. Prefixes of DataParallel (module.) and of training wrappers (model.) and containers
(state_dict, net, model) are recognised.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import FAILED, OK, load_libraries, print_error
from mmirstd.wording import format_count

if TYPE_CHECKING:
    from mmirstd.conversion.files import Report


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    load_libraries()()
    from mmengine.config import DictAction

    from mmirstd.conversion.families import FAMILIES

    parser = make_parser('convert', __doc__, 'dnanet pretrain_DNANet_model.tar dnanet_nudt.pth')
    parser.add_argument(
        'family', choices=sorted(FAMILIES), metavar='FAMILY', help=', '.join(sorted(FAMILIES))
    )
    parser.add_argument('source', metavar='SRC', help='published checkpoint')
    parser.add_argument('destination', metavar='DST', help='file to write')
    parser.add_argument(
        '--config',
        help="config of the target model, a path or a name (default: the family's own)",
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='change the config first, for example model.backbone.in_channels=1',
    )
    parser.add_argument(
        '--adapt-in-channels',
        action='store_true',
        help='let a first layer for 1 image channel serve 3, or the reverse',
    )
    parser.add_argument(
        '--allow-pickle',
        action='store_true',
        help='read files that hold whole pickled models. Reading such a file can run any code '
        'that its author put into it: use this only for files you trust. The original classes '
        'must be importable',
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Convert one file and say what was done."""
    args = build_parser().parse_args(argv)
    from mmirstd.conversion.common import ConversionError
    from mmirstd.conversion.families import FAMILIES
    from mmirstd.conversion.files import convert_file

    try:
        report = convert_file(
            FAMILIES[args.family],
            args.source,
            args.destination,
            config=args.config,
            overrides=args.cfg_options,
            adapt_in_channels=args.adapt_in_channels,
            allow_pickle=args.allow_pickle,
        )
    except (ConversionError, OSError, ValueError) as error:
        print_error(error)
        return FAILED
    show(report, args.destination)
    return OK


def show(report: Report, destination: str) -> None:
    """Print what was converted and what was left out."""
    print(f'{format_count(report.converted, "tensor")} written to {destination}')
    print(f'for the model of {report.config}')
    print(f'source sha256 {report.sha256}')
    for reason, keys in report.unused.items():
        print(f'left out {format_count(len(keys), "key")} ({keys[0]} ...): {reason}')
    if report.note:
        print(f'note: {report.note}')
