"""Measure time and memory of a few training iterations of a config, and its first losses.

    python -m benchmarks.measure_training sam_vit_b_sirst --iterations 12 \
        --cfg-options model.backbone.img_size=256 train_dataloader.batch_size=2

The log states the conditions. Without load_from the weights are random, and the log says
so: the cost is that of fine-tuning, but the losses are not.
"""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
from pathlib import Path

import torch
from mmengine.config import DictAction
from mmengine.logging import MMLogger

from benchmarks.training_cost import TrainingCost, measure_training
from mmirstd.inference.configs import load_config


def main(argv: list[str] | None = None) -> int:
    """Run the measurement; 0 if it ran, 1 if ``--expect-falling`` was given and it did not fall."""
    arguments = sys.argv[1:] if argv is None else argv
    args = parse_args(arguments)
    # One line per parameter of the optimiser would hide the result.
    MMLogger.get_current_instance().setLevel('ERROR')
    try:
        config = load_config(args.config)
        if args.cfg_options:
            config.merge_from_dict(args.cfg_options)
        cost = measure_training(config, args.iterations, args.device, seed=args.seed)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    text = report(cost, config.get('load_from'), args, arguments)
    print(text)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with args.out.open('a') as file:
            file.write(text + '\n\n')
    count = max(1, args.iterations // 4)
    fell = cost.mean_loss(count, last=True) < cost.mean_loss(count, last=False)
    return 1 if args.expect_falling and not fell else 0


def parse_args(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='path of a config or name of a config')
    parser.add_argument('--iterations', type=int, default=12)
    parser.add_argument('--device', default='cpu', help="such as 'cpu' or 'cuda:0'")
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, help='append the log to this file')
    parser.add_argument(
        '--expect-falling',
        action='store_true',
        help='exit with 1 unless the last quarter of the losses is lower than the first',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, help='changes to the config, key=value'
    )
    return parser.parse_args(argv)


def report(
    cost: TrainingCost, load_from: str | None, args: argparse.Namespace, arguments: list[str]
) -> str:
    """The log, without paths of this machine."""
    device = torch.device(args.device)
    if device.type == 'cuda':
        place = torch.cuda.get_device_name(device)
        spent = f'median {cost.median_seconds:.3f} s per iteration'
        memory = 'peak memory of tensors'
    else:
        place = f'{platform.machine()} CPU, {torch.get_num_threads()} thread(s)'
        spent = (
            f'median {cost.median_cpu_seconds:.1f} s of processor time per iteration '
            f'({cost.median_seconds:.1f} s by the clock)'
        )
        memory = 'peak resident memory of the process'
    weights = f'weights {Path(load_from).name}' if load_from else 'random weights'
    count = max(1, len(cost.losses) // 4)
    losses = ' '.join(f'{loss:.3f}' for loss in cost.losses)
    first, last = (cost.mean_loss(count, last=last) for last in (False, True))
    return '\n'.join(
        [
            f'$ python -m benchmarks.measure_training {shlex.join(arguments)}',
            f'{weights}, seed {args.seed}, {place}, torch {torch.__version__}, constant lr',
            f'parameters {cost.parameters:,} (trainable {cost.trainable:,})',
            f'batch of {cost.batch_size}: {spent}, {memory} {cost.peak_bytes / 2**30:.2f} GiB',
            f'loss {losses}',
            f'mean loss of the first {count}: {first:.3f}, of the last {count}: {last:.3f}',
        ]
    )


if __name__ == '__main__':
    sys.exit(main())
