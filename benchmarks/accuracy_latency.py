"""Accuracy against latency of the trained weights that load by name, as in Fig. 5 of the paper.

Accuracy is read from the registry (IoU and Pd on the test splits). Latency is measured here,
by `IRSTDInferencer.predict` with its defaults; all models take turns in one process.

    python -m benchmarks.accuracy_latency --out docs/results
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks.speed import device_name
from benchmarks.timing import interleave
from mmirstd.apis import IRSTDInferencer, get_model_info, list_models
from mmirstd.weights import ModelInfo
from mmirstd.wording import format_count


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('models', nargs='*', help='names of weights (all that are registered)')
    parser.add_argument('--precision', nargs='+', default=['float32', 'bfloat16'])
    parser.add_argument('--size', type=int, default=256, help='side of the image (256)')
    parser.add_argument('--rounds', type=int, default=15, help='timed rounds (15)')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, required=True, help='folder for the results')
    args = parser.parse_args(argv)
    infos = [get_model_info(name) for name in args.models or list_models()]
    image = np.random.default_rng(0).uniform(0, 255, (args.size, args.size)).astype(np.float32)
    sides = {
        (info.name, precision): IRSTDInferencer(info.name, device=args.device, precision=precision)
        for info in infos
        for precision in args.precision
    }
    times = interleave(
        {key: lambda side=side: side.predict([image]) for key, side in sides.items()},
        args.rounds,
        warmup=2,
    )
    points = [
        {
            'model': info.name,
            'precision': precision,
            'latency_s': times[info.name, precision].median,
            'latency_spread_s': times[info.name, precision].iqr / 2,
            'parameters': info.parameters,
            'scores': {score.dataset: {'iou': score.iou, 'pd': score.pd} for score in info.scores},
        }
        for info in infos
        for precision in args.precision
    ]
    setting = (
        f'{args.size} x {args.size}, batch 1, {device_name(args.device)}, '
        f'{format_count(torch.get_num_threads(), "CPU thread")}, median of '
        f'{format_count(args.rounds, "round")}'
    )
    args.out.mkdir(parents=True, exist_ok=True)
    report = {'setting': setting, 'points': points}
    (args.out / 'accuracy_latency.json').write_text(json.dumps(report, indent=1) + '\n')
    plot(infos, points, setting, args.out / 'accuracy_latency.png')
    for point in points:
        scores = ', '.join(f'{name} {s["iou"]:.1f}' for name, s in point['scores'].items())
        print(
            f'{point["model"]} ({point["precision"]}): {1e3 * point["latency_s"]:.1f} ms; {scores}'
        )
    print(f'written: {args.out}/accuracy_latency.json, {args.out}/accuracy_latency.png')
    return 0


def plot(infos: Sequence[ModelInfo], points: Sequence[dict], setting: str, path: Path) -> None:
    """One panel per dataset: IoU against latency, a marker per precision."""
    datasets = sorted({score.dataset for info in infos for score in info.scores})
    figure = Figure(figsize=(4 * max(1, len(datasets)), 4), layout='constrained')
    markers = dict(zip(dict.fromkeys(p['precision'] for p in points), 'os^', strict=False))
    colours = {info.name: f'C{number}' for number, info in enumerate(infos)}
    for axes, dataset in zip(
        figure.subplots(1, max(1, len(datasets)), squeeze=False)[0], datasets, strict=True
    ):
        for point in (p for p in points if dataset in p['scores']):
            axes.scatter(
                1e3 * point['latency_s'],
                point['scores'][dataset]['iou'],
                marker=markers[point['precision']],
                color=colours[point['model']],
                label=f'{point["model"]}, {point["precision"]}',
            )
        axes.set(title=dataset, xlabel='latency in ms (median)', ylabel='IoU in %')
        axes.grid(alpha=0.3)
    if datasets:
        figure.axes[0].legend(fontsize=7)
    figure.suptitle(setting, fontsize=7)
    figure.savefig(path, dpi=120)


if __name__ == '__main__':
    raise SystemExit(main())
