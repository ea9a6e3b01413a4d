"""Convert a published checkpoint of another code base into one of this package.

Every key of the file must be used or known to be unused by the original, every weight of our model
must be filled, and all shapes must agree. Otherwise nothing is written, and the message says what
differs. The prefixes `module.` (DataParallel) and `model.` (training wrappers) and the containers
`state_dict`, `net` and `model` are recognised.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmirstd.cli.arguments.parser import make_parser
from mmirstd.cli.terminal import OK, load_libraries, reports_errors
from mmirstd.wording import format_count


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    load_libraries()
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
        help='read files that contain whole pickled models. Such a file can run any code of its '
        'author: use this only for files that you trust. The original classes must be importable',
    )
    return parser


@reports_errors(OSError, ValueError)
def main(argv: Sequence[str] | None = None) -> int:
    """Convert one file, print what was converted and left out; returns the exit code."""
    args = build_parser().parse_args(argv)
    from mmirstd.conversion.families import FAMILIES
    from mmirstd.conversion.files import convert_file

    report = convert_file(
        FAMILIES[args.family],
        args.source,
        args.destination,
        config=args.config,
        overrides=args.cfg_options,
        adapt_in_channels=args.adapt_in_channels,
        allow_pickle=args.allow_pickle,
    )
    print(f'{format_count(report.converted, "tensor")} written to {args.destination}')
    print(f'for the model of {report.config}')
    print(f'source sha256 {report.sha256}')
    for reason, keys in report.unused.items():
        print(f'left out {format_count(len(keys), "key")} ({keys[0]} ...): {reason}')
    if report.note:
        print(f'note: {report.note}')
    return OK
