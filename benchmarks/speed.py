"""Parameters, MACs, latency, throughput and peak memory of one or several models.

The inference numbers are those of `IRSTDInferencer.predict`: image arrays in, probabilities out,
with everything that it does by default. All models run in one process and take turns, so that
ratios are meaningful on a busy machine. Weights are random, because speed does not depend on them.

    python -m benchmarks.speed simirstd_nudt dnanet_nudt uiunet_nudt
    python -m benchmarks.speed simirstd_nudt dnanet_nudt --precision float32 bfloat16
    python -m benchmarks.speed simirstd_nudt --reference plain unfolded --train
    python -m benchmarks.speed light_unet_sirst3 acm_nudt --reference onnx --size 512 640
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from functools import partial
from pathlib import Path

import numpy as np
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
from mmirstd.export.model import ExportModel, describe_model
from mmirstd.export.onnx_file import export_onnx
from mmirstd.inference.configs import (
    image_channels,
    load_config,
    resize_to,
    without_pretrained,
)
from mmirstd.inference.detector import Detector
from mmirstd.inference.onnx_detector import OnnxDetector
from mmirstd.inference.torch_detector import IRSTDInferencer
from mmirstd.models.layers.attention import set_folded
from mmirstd.models.layers.feed_forward import FeedForward
from mmirstd.wording import format_count

UNFOLDED = ' (unfolded)'
PLAIN = ' (not fused)'
ONNX = ' (onnxruntime)'
COMPILED = ' (compiled)'


def build(path: str) -> nn.Module:
    """The segmentor of a config, by path or name, with random weights."""
    init_default_scope('mmseg')
    return MODELS.build(_config(path).model)


def _config(path: str, size: Sequence[int] | None = None) -> Config:
    """A config without pre-trained weights, whose pipeline keeps images of ``size``."""
    config = load_config(path)
    without_pretrained(config.model)
    if size is not None and size[0] == size[1]:
        resize_to(config, size[0])
    elif size is not None:
        config.test_pipeline = [
            step for step in config.test_pipeline if 'ResizeToSquare' not in step['type']
        ]
    return config


def detectors(
    path: str, size: Sequence[int], args: argparse.Namespace, folder: Path
) -> dict[str, Detector]:
    """The variants of a config by name: the default first, then the requested ones.

    ``folder`` is for files that variants need while they run.
    """
    name = Path(path).stem

    def made(**options: object) -> IRSTDInferencer:
        return IRSTDInferencer(_config(path, size), device=args.device, untrained=True, **options)

    first, *others = args.precision
    sides: dict[str, Detector] = {name: made(precision=first)}
    sides |= {f'{name} ({precision})': made(precision=precision) for precision in others}
    if 'plain' in args.reference:
        sides[name + PLAIN] = made(fuse=False)
    if 'onnx' in args.reference:
        sides[name + ONNX] = _exported(made(fuse=False), folder / f'{name}.onnx', size)
    if 'compiled' in args.reference:
        compiled = made(fuse=False)  # fusing chooses kernels, but the compiler does so itself
        compiled.model.encode_decode = torch.compile(compiled.model.encode_decode)
        sides[name + COMPILED] = compiled
    if 'unfolded' in args.reference:
        usual = made()
        if _has_feed_forward(usual.model):
            usual.model = unfolded(usual.model)
            sides[name + UNFOLDED] = usual
    return sides


def _exported(inferencer: IRSTDInferencer, path: Path, size: Sequence[int]) -> OnnxDetector:
    """The same model as a file with one input size, run by onnxruntime in float32."""
    description = describe_model(inferencer)
    model = ExportModel(inferencer.model, description.channels)
    export_onnx(model, path, description, size=(size[0], size[1]), dynamic=['none'])
    return OnnxDetector(path, threads=torch.get_num_threads())


def _has_feed_forward(model: nn.Module) -> bool:
    return any(isinstance(module, FeedForward) for module in model.modules())


def unfolded(model: nn.Module) -> nn.Module:
    """A copy that projects every token and computes hidden maps as a whole."""
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
    parser.add_argument(
        'configs', nargs='+', help='names of configs, or files; the first is the unit of ratios'
    )
    parser.add_argument(
        '--reference',
        choices=['plain', 'unfolded', 'onnx', 'compiled'],
        nargs='+',
        default=[],
        help='also run each model as it was trained (plain), in the usual form without folded '
        'attention and chunked feed-forward networks (unfolded), exported, in onnxruntime (onnx), '
        'or by torch.compile, which takes minutes to begin (compiled)',
    )
    parser.add_argument(
        '--precision',
        choices=['float32', 'bfloat16', 'auto'],
        nargs='+',
        default=['float32'],
        help='of the inference; several run side by side (float32)',
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
    parser.add_argument('--out', type=Path, help='folder for benchmark.json and benchmark.png')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    args = parse(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    size = (args.size * 2)[:2]
    torch.manual_seed(0)
    models = {Path(path).stem: build(path) for path in args.configs}
    channels = {Path(path).stem: image_channels(_config(path)) for path in args.configs}
    if 'unfolded' in args.reference:
        usual = {n: unfolded(m) for n, m in models.items() if _has_feed_forward(m)}
        models |= {name + UNFOLDED: model for name, model in usual.items()}
    frames = {name: (channels[name.removesuffix(UNFOLDED)], *size) for name in models}
    complexity = {
        name: count(model, torch.randn(args.batch, *frames[name])) for name, model in models.items()
    }
    if not args.train:
        models.clear()  # the inferencers build their own
    with tempfile.TemporaryDirectory(prefix='benchmark_speed_') as folder:
        return _run(args, size, models, frames, complexity, Path(folder))


def _run(
    args: argparse.Namespace,
    size: Sequence[int],
    models: dict[str, nn.Module],
    frames: dict[str, tuple[int, ...]],
    complexity: dict[str, Complexity],
    folder: Path,
) -> int:
    """Time all sides, print the table and write the report; returns the exit code."""
    sides = {
        name: side
        for path in args.configs
        for name, side in detectors(path, size, args, folder).items()
    }
    noise = np.random.default_rng(0).uniform(0, 255, (args.batch, *size)).astype(np.float32)
    console = Console()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task('inference', total=(args.rounds + 2) * len(sides))
        latency = interleave(
            {n: lambda s=s: s.predict(list(noise)) for n, s in sides.items()},
            args.rounds,
            pause=0.3 if 'onnx' in args.reference else 0.0,
            warmup=2,  # the first one also chooses kernels and precision
            progress=lambda: progress.advance(task),
        )
        memory = {
            n: peak_memory(lambda s=s: s.predict(list(noise)), args.device)
            for n, s in sides.items()
            if not isinstance(s, OnnxDetector)  # its memory is not PyTorch's to know
        }
    training = _measure_training(models, args, frames, console) if args.train else {}
    rows = [
        _row(
            name,
            complexity.get(name) or complexity[name.partition(' (')[0]],
            latency[name],
            memory.get(name),
            training.get(name),
            args.batch,
        )
        for name in sides
    ]
    setting = (
        f'{size[0]} x {size[1]}, batch {args.batch}, '
        f'{format_count(args.rounds, "interleaved round")}, {device_name(args.device)}, '
        f'{format_count(torch.get_num_threads(), "CPU thread")}, torch {torch.__version__}, '
        f'{args.precision[0]} unless said otherwise'
    )
    console.print(_table(rows, setting))
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        report = {
            'setting': setting,
            'command': ['benchmarks/speed.py', *sys.argv[1:]],
            'models': rows,
        }
        (args.out / 'benchmark.json').write_text(json.dumps(report, indent=1) + '\n')
        _plot(rows, setting, args.out / 'benchmark.png')
        console.print(f'written: {args.out}/benchmark.json, {args.out}/benchmark.png')
    return 0


def _measure_training(
    models: dict[str, nn.Module],
    args: argparse.Namespace,
    frames: dict[str, tuple[int, ...]],
    console: Console,
) -> dict[str, tuple[Measurement, int]]:
    sides = {
        name: partial(
            train_step,
            model.train().to(args.device),
            torch.randn(args.train_batch, *frames[name], device=args.device),
        )
        for name, model in models.items()
    }
    rounds = max(1, args.rounds // 2)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task('training', total=(rounds + 1) * len(sides))
        times = interleave(sides, rounds, progress=lambda: progress.advance(task))
    return {name: (times[name], peak_memory(work, args.device)) for name, work in sides.items()}


def _row(
    name: str,
    complexity: Complexity,
    latency: Measurement,
    memory: int | None,
    training: tuple[Measurement, int] | None,
    batch: int,
) -> dict[str, object]:
    row: dict[str, object] = {
        'model': name,
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


def device_name(device: str) -> str:
    """Name of a CPU or CUDA device according to the system or the driver."""
    if device != 'cpu':
        return torch.cuda.get_device_name(device)
    with suppress(OSError):
        for line in Path('/proc/cpuinfo').read_text().splitlines():
            if line.startswith('model name'):
                level = torch.backends.cpu.get_cpu_capability()
                return f'CPU {line.partition(":")[2].strip()} ({level})'
    return f'CPU {platform.machine()}'


def mebibytes(size: int | None) -> str:
    """A size in bytes as MiB; empty if it was not measured."""
    return '' if size is None else f'{size / 2**20:.0f}'


def _table(rows: list[dict], setting: str) -> Table:
    table = Table(title=setting)
    columns = [
        'model',
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
        table.add_column(column, justify='left' if column == 'model' else 'right')
    first = rows[0]
    for row in rows:
        cells = [
            row['model'],
            f'{row["parameters"] / 1e6:.2f}',
            f'{sum(row["macs"].values()) / 1e9:.2f}',
            f'{row["macs"][POINTWISE] / 1e9:.2f}',
            f'{row["macs"][REST] / 1e9:.2f}',
            f'{row["latency_s"] * 1e3:.0f}±{row["latency_spread_s"] * 1e3:.0f}',
            f'{row["latency_s"] / first["latency_s"]:.2f}',
            f'{row["images_per_s"]:.2f}',
            mebibytes(row['inference_peak_bytes']),
        ]
        if training and 'training_step_s' not in row:
            cells += [''] * 4
        elif training:
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
            row['model'],
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
