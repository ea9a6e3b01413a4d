"""Parameters, MACs, latency, throughput and peak memory of one or several networks.

All networks run in one process and take turns, so that ratios mean something on a busy machine.
Weights are random: speed does not depend on them. Batch norms are folded and RepViT is
re-parameterised for the inference figures, as in deployment.

    python -m benchmarks.speed configs/simirstd_nudt.py configs/dnanet/dnanet_nudt.py
    python -m benchmarks.speed configs/simirstd_nudt.py --reference unfolded --train
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import torch
from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import Tensor, nn
from torch.utils.benchmark import Measurement

from benchmarks.complexity import POINTWISE, REST, Complexity, count
from benchmarks.timing import interleave, peak_memory
from mmirstd.inference.memory import keep_freed_memory
from mmirstd.models.fuse import fuse_for_inference
from mmirstd.models.layers.attention import set_folded
from mmirstd.models.layers.feed_forward import FeedForward
from mmirstd.models.logits import predict_logits

UNFOLDED = ' (unfolded)'


def build(path: str) -> nn.Module:
    """The segmentor of a config with random weights."""
    init_default_scope('mmseg')
    config = Config.fromfile(path)
    _forget_weights(config.model)
    return MODELS.build(config.model)


def _forget_weights(config: dict) -> None:
    for key, value in config.items():
        if key == 'weights':
            config[key] = None
        elif isinstance(value, dict):
            _forget_weights(value)


def unfolded(model: nn.Module) -> nn.Module:
    """A copy that projects every token and holds hidden maps as a whole."""
    model = deepcopy(model)
    set_folded(model, False)
    for module in model.modules():
        if isinstance(module, FeedForward):
            module.chunk_tokens = None
    return model


def labelled(images: Tensor) -> list[SegDataSample]:
    """Labels with one small target per image."""
    label = torch.zeros(1, *images.shape[-2:], dtype=torch.long, device=images.device)
    label[:, 8:12, 8:12] = 1
    meta = {'img_shape': tuple(images.shape[-2:])}
    return [SegDataSample(gt_sem_seg=PixelData(data=label), metainfo=meta) for _ in images]


def train_step(model: nn.Module, images: Tensor) -> None:
    """Forward and backward pass of the training loss."""
    model.zero_grad(set_to_none=True)
    loss, _ = model.parse_losses(model.loss(images, labelled(images)))
    loss.backward()


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('configs', nargs='+', help='config files; the first is the unit of ratios')
    parser.add_argument(
        '--reference',
        choices=['unfolded'],
        help='also run each network in the '
        'usual form, without folded attention and chunked feed-forward networks',
    )
    parser.add_argument('--size', type=int, nargs='+', default=[256], help='height [width]')
    parser.add_argument('--batch', type=int, default=1, help='images at once (default 1)')
    parser.add_argument('--rounds', type=int, default=5, help='timed rounds (default 5)')
    parser.add_argument(
        '--train',
        action='store_true',
        help='also time a training step and measure its peak memory, at --train-batch images',
    )
    parser.add_argument('--train-batch', type=int, default=2)
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--threads', type=int, help='CPU threads (default: what torch chooses)')
    parser.add_argument(
        '--return-memory',
        action='store_true',
        help='let the C library return the memory of large freed tensors to the system, which is '
        'what a program gets that does not ask for anything else',
    )
    parser.add_argument('--out', type=Path, help='folder for benchmark.json and benchmark.png')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    args = parse(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    if not args.return_memory:
        keep_freed_memory()
    size = (args.size * 2)[:2]
    torch.manual_seed(0)
    models = {Path(path).stem: build(path) for path in args.configs}
    if args.reference:
        for name, model in list(models.items()):
            if any(isinstance(m, FeedForward) for m in model.modules()):
                models[name + UNFOLDED] = unfolded(model)
    channels = len(next(iter(models.values())).data_preprocessor.mean)
    images = torch.randn(args.batch, channels, *size, device=args.device)
    complexity = {name: count(model, images.cpu()) for name, model in models.items()}

    deployed = {name: fuse_for_inference(model).to(args.device) for name, model in models.items()}
    console = Console()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task('inference', total=(args.rounds + 1) * len(models))
        with torch.inference_mode():
            latency = interleave(
                {n: lambda m=m: predict_logits(m, images) for n, m in deployed.items()},
                args.rounds,
                progress=lambda: progress.advance(task),
            )
            memory = {
                n: peak_memory(lambda m=m: predict_logits(m, images), args.device)
                for n, m in deployed.items()
            }
    training = _measure_training(models, args, channels, size, console) if args.train else {}
    rows = [
        _row(name, complexity[name], latency[name], memory[name], training.get(name), args.batch)
        for name in models
    ]
    setting = (
        f'{size[0]} x {size[1]}, batch {args.batch}, {args.rounds} interleaved rounds, '
        f'{_device_name(args.device)}, {torch.get_num_threads()} CPU threads, '
        f'torch {torch.__version__}, float32'
    )
    console.print(_table(rows, setting))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        report = {'setting': setting, 'command': sys.argv, 'networks': rows}
        (args.out / 'benchmark.json').write_text(json.dumps(report, indent=1) + '\n')
        _plot(rows, setting, args.out / 'benchmark.png')
        console.print(f'written: {args.out}/benchmark.json, {args.out}/benchmark.png')
    return 0


def _measure_training(
    models: dict[str, nn.Module],
    args: argparse.Namespace,
    channels: int,
    size: Sequence[int],
    console: Console,
) -> dict[str, tuple[Measurement, int]]:
    images = torch.randn(args.train_batch, channels, *size, device=args.device)
    trained = {name: model.train().to(args.device) for name, model in models.items()}
    sides = {n: lambda m=m: train_step(m, images) for n, m in trained.items()}
    rounds = max(1, args.rounds // 2)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task('training', total=(rounds + 1) * len(sides))
        times = interleave(sides, rounds, progress=lambda: progress.advance(task))
    return {name: (times[name], peak_memory(work, args.device)) for name, work in sides.items()}


def _row(
    name: str,
    complexity: Complexity,
    latency: Measurement,
    memory: int,
    training: tuple[Measurement, int] | None,
    batch: int,
) -> dict[str, object]:
    row: dict[str, object] = {
        'network': name,
        'parameters': complexity.parameters,
        'macs': complexity.macs,
        'latency_s': latency.median,
        'latency_spread_s': latency.iqr / 2,
        'images_per_s': batch / latency.median,
        'inference_peak_bytes': memory,
    }
    if training is not None:
        row |= {
            'training_step_s': training[0].median,
            'training_step_spread_s': training[0].iqr / 2,
            'training_peak_bytes': training[1],
        }
    return row


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device != 'cpu' else f'CPU {platform.machine()}'


def _table(rows: list[dict], setting: str) -> Table:
    table = Table(title=setting)
    columns = [
        'network',
        'params\nM',
        'GMACs',
        'of 1x1\nconvs',
        'of\nattention\nand FFNs',
        'latency\nms',
        'ratio',
        'images\n/s',
        'peak\nMiB',
    ]
    training = 'training_step_s' in rows[0]
    columns += ['train\nstep s', 'ratio', 'train\npeak MiB', 'ratio'] if training else []
    for column in columns:
        table.add_column(column, justify='left' if column == 'network' else 'right')
    first = rows[0]
    for row in rows:
        cells = [
            row['network'],
            f'{row["parameters"] / 1e6:.2f}',
            f'{sum(row["macs"].values()) / 1e9:.2f}',
            f'{row["macs"][POINTWISE] / 1e9:.2f}',
            f'{row["macs"][REST] / 1e9:.2f}',
            f'{row["latency_s"] * 1e3:.0f}±{row["latency_spread_s"] * 1e3:.0f}',
            f'{row["latency_s"] / first["latency_s"]:.2f}',
            f'{row["images_per_s"]:.2f}',
            f'{row["inference_peak_bytes"] / 2**20:.0f}',
        ]
        if training:
            cells += [
                f'{row["training_step_s"]:.2f}±{row["training_step_spread_s"]:.2f}',
                f'{row["training_step_s"] / first["training_step_s"]:.2f}',
                f'{row["training_peak_bytes"] / 2**20:.0f}',
                f'{row["training_peak_bytes"] / first["training_peak_bytes"]:.2f}',
            ]
        table.add_row(*cells)
    return table


def _plot(rows: list[dict], setting: str, path: Path) -> None:
    """Latency against MACs, area of the circles by parameters."""
    figure = Figure(figsize=(7, 5), layout='constrained')

    axes = figure.add_subplot()
    for row in rows:
        x, y = sum(row['macs'].values()) / 1e9, row['latency_s'] * 1e3
        points = axes.scatter(x, y, s=20 + 20 * row['parameters'] / 1e6, alpha=0.6)
        axes.annotate(
            row['network'],
            (x, y),
            color=points.get_facecolor()[0],
            fontsize=8,
            xytext=(6, 6),
            textcoords='offset points',
        )
    axes.set(xlabel='GMACs', ylabel='latency in ms (median)', xscale='log', yscale='log')
    axes.set_title(setting, fontsize=7)
    axes.grid(alpha=0.3, which='both')
    figure.savefig(path, dpi=150)


if __name__ == '__main__':
    raise SystemExit(main())
