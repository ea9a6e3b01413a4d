"""Images per second of the data pipeline and of the training step, with and without each speed-up.

Each variant of a config differs in one aspect; all run in one process and take turns:

- ``as configured``,
- ``float32`` instead of bfloat16, if the config trains in it,
- ``reads files``: every image is decoded and standardised again in each epoch, if the config
  keeps images in memory (`CachedSteps`),
- ``usual attention`` instead of the folded form, if the model has it.

The dataset is read from the folder that the config names.

    python -m benchmarks.training_throughput light_unet_sirst3 simirstd_lite_nudt --threads 1
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner, set_random_seed
from rich.console import Console
from rich.progress import Progress

import mmirstd.engine  # noqa: F401 - AmpOptimWrapper for the CPU
from benchmarks.speed import device_name
from benchmarks.timing import interleave
from mmirstd.inference.configs import load_config, without_pretrained
from mmirstd.models.layers.attention import ReadAttention, WriteAttention, set_folded
from mmirstd.registry import MODELS
from mmirstd.wording import format_count

CONFIGURED = 'as configured'
FLOAT32, FILES, USUAL = 'float32', 'reads files', 'usual attention'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('configs', nargs='+', help='paths or names of configs')
    parser.add_argument('--batch', type=int, default=4, help='images of a step (4)')
    parser.add_argument('--images', type=int, default=64, help='images of the dataset used (64)')
    parser.add_argument('--rounds', type=int, default=5, help='timed rounds (5)')
    parser.add_argument('--threads', type=int, help="CPU threads (PyTorch's own choice)")
    parser.add_argument('--out', type=Path, help='write the rows to this JSON file')
    args = parser.parse_args(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    MMLogger.get_current_instance().setLevel('ERROR')
    console = Console(stderr=True)
    rows: list[dict[str, Any]] = []
    for name in args.configs:
        try:
            rows += measure(load_config(name), Path(name).stem, args, console)
        except (OSError, ValueError) as error:
            print(f'error: {name}: {error}', file=sys.stderr)
            return 2
    setting = (
        f'batch {args.batch}, {format_count(args.images, "image")}, '
        f'{format_count(args.rounds, "interleaved round")}, {device_name("cpu")}, '
        f'{format_count(torch.get_num_threads(), "CPU thread")}, torch {torch.__version__}'
    )
    print(table(rows, setting))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        report = {'setting': setting, 'command': list(sys.argv[1:] if argv is None else argv)}
        args.out.write_text(json.dumps(report | {'rows': rows}, indent=1) + '\n')
    return 0


def measure(
    config: Config, name: str, args: argparse.Namespace, console: Console
) -> list[dict[str, Any]]:
    """Time all sides of one config: a row each."""
    config = deepcopy(config)
    without_pretrained(config.model)
    config.train_dataloader.update(batch_size=args.batch, num_workers=0, persistent_workers=False)
    _shorten(config.train_dataloader.dataset, args.images)
    with DefaultScope.overwrite_default_scope(config.get('default_scope', 'mmseg')):
        loading = {CONFIGURED: _loading(config)}
        if (direct := without_cache(config)) is not None:
            loading[FILES] = _loading(direct)
        batch = next(_batches(config))
        steps = {CONFIGURED: _step(config, batch)}
        if 'Amp' in config.optim_wrapper.get('type', 'OptimWrapper'):
            plain = deepcopy(config)
            plain.optim_wrapper.type = 'OptimWrapper'
            plain.optim_wrapper.pop('dtype', None)
            plain.optim_wrapper.pop('loss_scale', None)
            steps[FLOAT32] = _step(plain, batch)
        if (usual := _step(config, batch, folded=False)) is not None:
            steps[USUAL] = usual
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(name, total=(args.rounds + 1) * (len(loading) + len(steps)))
        tick = partial(progress.advance, task)
        load_times = interleave(loading, args.rounds, progress=tick)
        step_times = interleave(steps, args.rounds, progress=tick)
    return [
        {
            'config': name,
            'what': what,
            'side': side,
            'images_per_s': count / time.median,
            'spread': time.iqr / 2 / time.median,
            'to_configured': time.median / times[CONFIGURED].median,
        }
        for what, times, count in (
            ('loading', load_times, args.images),
            ('step', step_times, args.batch),
        )
        for side, time in times.items()
    ]


def without_cache(config: Config) -> Config | None:
    """The config with the steps of every ``CachedSteps`` in its place; None without any."""
    found = False

    def unfold(node: Any) -> None:
        nonlocal found
        if isinstance(node, dict):
            pipeline = node.get('pipeline')
            if pipeline:
                flat: list[Any] = []
                for step in pipeline:
                    cached = step['type'].endswith('CachedSteps')
                    found = found or cached
                    flat += step['steps'] if cached else [step]
                node['pipeline'] = flat
            for value in node.values():
                unfold(value)
        elif isinstance(node, (list, tuple)):
            for value in node:
                unfold(value)

    direct = deepcopy(config)
    unfold(direct.train_dataloader.dataset)
    return direct if found else None


def _shorten(dataset: Any, images: int) -> None:
    """Keep ``images`` images of a dataset, an equal share of each dataset that it joins."""
    parts = dataset.get('datasets')
    if parts:
        for index, part in enumerate(parts):
            _shorten(part, images // len(parts) + (index < images % len(parts)))
    elif 'dataset' in dataset:
        _shorten(dataset.dataset, images)
    else:
        dataset.indices = images


def _batches(config: Config) -> Iterator[Any]:
    loader = Runner.build_dataloader(config.train_dataloader, seed=0)
    return chain.from_iterable(repeat(loader))


def _loading(config: Config) -> Callable[[], object]:
    """Reads every image once."""
    loader = Runner.build_dataloader(config.train_dataloader, seed=0)
    return lambda: [None for _ in loader]


def _step(config: Config, batch: Any, folded: bool = True) -> Callable[[], object] | None:
    """A whole step on one batch: to the device, forward, backward, update; None if all is usual."""
    set_random_seed(0)
    model = MODELS.build(config.model).train()
    if not folded:
        if not any(isinstance(m, (ReadAttention, WriteAttention)) for m in model.modules()):
            return None
        set_folded(model, False)
    with suppress(AttributeError):
        model.init_weights()
    optimizer = build_optim_wrapper(model, config.optim_wrapper)

    def work() -> object:
        return model.train_step(deepcopy(batch), optimizer)

    return work


def table(rows: Sequence[dict[str, Any]], setting: str) -> str:
    """The rows as Markdown."""
    lines = [
        setting,
        '',
        '| config | what | side | images/s | spread | time to as configured |',
        '|---|---|---|---|---|---|',
    ]
    lines += [
        f'| {row["config"]} | {row["what"]} | {row["side"]} | {row["images_per_s"]:.3g} | '
        f'{row["spread"]:.0%} | {row["to_configured"]:.2f} |'
        for row in rows
    ]
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
