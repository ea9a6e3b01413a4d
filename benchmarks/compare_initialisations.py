"""Fine-tune a model from random and from given encoder weights with the same short budget.

    python -m benchmarks.compare_initialisations simirstd_synthetic \
        --weights distilled=work_dirs/tiny_synthetic/epoch_20.pth --epochs 10 --seeds 0 1 2
    python -m benchmarks.compare_initialisations simirstd_lite0_sirst \
        --weights imagenet=imagenet --epochs 25

Within a seed, everything except the weights of the encoder is equal. The same command continues
an interrupted run. The table shows the effect of a short budget on the images of the config.
"""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
from pathlib import Path

import torch
from mmengine.config import DictAction

from benchmarks.comparison import Budget
from benchmarks.initialisation import RANDOM, compare_initialisations, table
from mmirstd.wording import format_count


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config whose encoder takes weights, by path or name')
    parser.add_argument(
        '--weights',
        nargs='+',
        default=[],
        metavar='NAME=FILE',
        help='checkpoints of students or backbones, each with a name for the table; the word '
        'imagenet instead of a file takes ImageNet weights of the encoder',
    )
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2], help='(0 1 2)')
    parser.add_argument('--epochs', type=int, default=10, help='passes over the images (10)')
    parser.add_argument('--train-images', type=int, help='train on the first N images (all)')
    parser.add_argument('--test-images', type=int, help='score the first N images (all)')
    parser.add_argument('--batch-size', type=int, help="images per iteration (the config's)")
    parser.add_argument('--crop', type=int, help='train on windows of this side in pixels (no)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}, help='changes of the config'
    )
    parser.add_argument(
        '--score-on', choices=('val', 'test'), default='test', help='which list to score (test)'
    )
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/initialisations'), help='for logs and table'
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Compare; 0 if every run ended, 1 with a message otherwise."""
    arguments = sys.argv[1:] if argv is None else argv
    args = parse_args(arguments)
    try:
        weights = dict(_named(text) for text in args.weights)
        budget = Budget(
            epochs=args.epochs,
            train_images=args.train_images,
            test_images=args.test_images,
            batch_size=args.batch_size,
            score_on=args.score_on,
            crop=args.crop,
            options=args.cfg_options,
        )
        rows = compare_initialisations(args.config, weights, args.seeds, budget, args.out)
    except (ValueError, FileNotFoundError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor()
    text = '\n'.join(
        [
            table(rows, args.seeds),
            '',
            f'command: python -m benchmarks.compare_initialisations {shlex.join(arguments)}',
            f'{budget}; torch {torch.__version__}, {device}, '
            f'{format_count(torch.get_num_threads(), "thread")}',
        ]
    )
    (args.out / 'table.md').write_text(text + '\n')
    print(text)
    return 0


def _named(text: str) -> tuple[str, str]:
    name, equals, path = text.partition('=')
    if not equals or not name or not path or name == RANDOM:
        raise ValueError(f'--weights {text}: write NAME=FILE, with a name other than {RANDOM!r}')
    return name, path


if __name__ == '__main__':
    sys.exit(main())
