"""Train models for the same short budget on the same images and print one table.

    python -m benchmarks.compare_models --dataset nudt --epochs 20 --train-images 64 \
        --batch-size 4 --out work_dirs/comparison
    python -m benchmarks.compare_models common_dnanet_nudt tophat_nudt --epochs 5

Without names, all models of the common config and the training-free detectors are compared;
RPCANet++ then takes longer than most of the others together.
The table shows what a short budget gives, not how good a model becomes. Scores are those of
mmirstd.IRSTDMetric on the validation split of the config.
"""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
from pathlib import Path

import torch
from mmengine.config import DictAction

from benchmarks.comparison import Budget, compare, table
from mmirstd.inference.configs import config_folders
from mmirstd.wording import format_count

COMMON = Path(__file__).resolve().parents[1] / 'configs' / 'common'
DETECTORS = ('tophat', 'mpcm', 'maxmedian')


def shared_configs(dataset: str) -> list[str]:
    """Names of the configs with the common training on ``dataset``."""
    return sorted(
        {
            path.stem
            for folder in config_folders()
            for path in (folder / 'common').glob(f'common_*_{dataset}.py')
        }
    )


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('configs', nargs='*', help='configs, by path or name (default: all)')
    parser.add_argument(
        '--dataset',
        choices=('nudt', 'sirst', 'irstd1k', 'mdfa'),
        default='nudt',
        help='dataset of the default configs (nudt)',
    )
    parser.add_argument('--epochs', type=int, default=20, help='passes over the images (20)')
    add = parser.add_argument
    add('--train-images', type=int, default=64, help='train on the first N images (64)')
    parser.add_argument('--test-images', type=int, help='score the first N images (all)')
    parser.add_argument('--batch-size', type=int, default=4, help='images per iteration (4)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--score-on', choices=('val', 'test'), default='val', help='which list to score (val)'
    )
    parser.add_argument('--crop', type=int, help='train on windows of this side in pixels (no)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}, help='changes of every config'
    )
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/comparison'), help='folder for logs and table'
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Compare; 0 if every model ran, 1 with a message otherwise."""
    arguments = sys.argv[1:] if argv is None else argv
    args = parse_args(arguments)
    configs = args.configs or [
        *sorted(path.stem for path in COMMON.glob(f'common_*_{args.dataset}.py')),
        *(f'{name}_{args.dataset}' for name in DETECTORS),
    ]
    try:
        budget = Budget(
            epochs=args.epochs,
            train_images=args.train_images,
            test_images=args.test_images,
            batch_size=args.batch_size,
            seed=args.seed,
            score_on=args.score_on,
            crop=args.crop,
            options=args.cfg_options,
        )
        rows = compare(configs, budget, args.out)
    except (ValueError, FileNotFoundError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor()
    text = '\n'.join(
        [
            table(rows),
            '',
            f'command: python -m benchmarks.compare_models {shlex.join(arguments)}',
            f'{budget}; torch {torch.__version__}, {device}, '
            f'{format_count(torch.get_num_threads(), "thread")}',
        ]
    )
    (args.out / 'table.md').write_text(text + '\n')
    print(text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
