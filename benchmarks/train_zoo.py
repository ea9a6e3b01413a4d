"""Train a list of models, each within a time budget, and write their entries of the zoo.

    python -m benchmarks.train_zoo benchmarks/campaigns/tiny.json --out work_dirs/zoo

The same command continues an interrupted run, even after SIGKILL, and also on another
machine if the folder ``--out`` is copied. A campaign is a JSON list of entries:

    [{"name": "light_unet_sirst3", "config": "light_unet_sirst3", "hours": 10, "seed": 0,
      "options": {"train_dataloader.batch_size": 16}, "about": {...}}]

The budget determines the length of a training: before the first step, a few steps are timed in
float32 and in bfloat16, the faster precision is used, and ``max_epochs`` is the number that fits
into ``hours``, or ``epochs``, if an entry gives these instead. Both are stored, so a resumed
training repeats the schedule. For several GPUs, ``--gpus N`` starts each training through torchrun.

An entry publishes the weights with the best validation score, or, with ``"publish": "last_ema"``,
the averaged weights of the last epoch. An entry without ``about`` is trained to be compared, not to
be published: the averaged weights of the last epoch are scored, nothing is selected. ``scores.md``
is the table of these entries.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from benchmarks.zoo_entry import SCORES, cpu_name, scores_table, write_entry, write_scores
from mmirstd.inference.configs import load_config
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.weights.registry import DESCRIPTION

REPOSITORY = Path(__file__).parent.parent
SPEED_UP = 1.1
"""bfloat16 is used if it is faster than float32 by this factor."""


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('campaign', type=Path, help='JSON file with the list of entries')
    parser.add_argument('--out', type=Path, required=True, help='folder of all trainings')
    parser.add_argument('--only', nargs='+', metavar='NAME', help='train these entries only')
    parser.add_argument('--gpus', type=int, default=0, help='processes of torchrun (0: none)')
    parser.add_argument(
        '--precision', choices=('auto', 'float32', 'bfloat16'), default='auto', help='(auto)'
    )
    return parser.parse_args(argv)


def entry_config(entry: Mapping[str, Any]) -> Config:
    """The config of an entry with its options and seed."""
    config = load_config(entry['config'])
    config.merge_from_dict({'randomness.seed': entry.get('seed', 0), **entry.get('options', {})})
    return config


def seconds_per_step(config: Config, precision: str, work_dir: Path, steps: int = 6) -> float:
    """Median time of a training step on real batches, after two steps to warm up."""
    cfg = config.copy()
    cfg.work_dir, cfg.load_from, cfg.resume = str(work_dir), None, False
    cfg.experiment_name, cfg.log_level = f'measure_{precision}', 'WARNING'
    cfg.visualizer = {'type': 'SegLocalVisualizer', 'vis_backends': []}
    _set_precision(cfg, precision)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    runner = Runner.from_cfg(cfg)
    model = runner.model.train()
    wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    times = []
    loader = runner.build_dataloader(cfg.train_dataloader)
    batches = chain.from_iterable(repeat(loader))  # more steps than a small set has batches
    for _ in range(steps + 2):
        start = time.perf_counter()
        model.train_step(next(batches), optim_wrapper=wrapper)
        times.append(time.perf_counter() - start)
    return sorted(times[2:])[steps // 2]


def _set_precision(config: Config, precision: str) -> None:
    wrapper = config.optim_wrapper
    if precision == 'bfloat16':
        wrapper.type, wrapper.dtype = 'mmirstd.AmpOptimWrapper', 'bfloat16'
    else:
        wrapper.type = 'OptimWrapper'
        wrapper.pop('dtype', None)


def plan(entry: Mapping[str, Any], folder: Path, precision: str) -> dict[str, Any]:
    """Precision and length of a training, measured once and kept in ``plan.json``."""
    file = folder / 'plan.json'
    if file.is_file():
        return json.loads(file.read_text())
    config = entry_config(entry)
    candidates = ('float32', 'bfloat16') if precision == 'auto' else (precision,)
    times = {one: seconds_per_step(config, one, folder / 'measuring') for one in candidates}
    chosen = candidates[0]
    if len(times) > 1 and times['float32'] > SPEED_UP * times['bfloat16']:
        chosen = 'bfloat16'
    loader = config.train_dataloader
    init_default_scope(config.get('default_scope', 'mmseg'))
    images = len(Runner.build_dataloader(loader).dataset)
    steps = images // loader.batch_size
    made = {
        'precision': chosen,
        'seconds_per_step': times,
        'steps_per_epoch': steps,
        'max_epochs': entry.get('epochs')
        or max(2, int(entry['hours'] * 3600 / (times[chosen] * steps))),
        'threads': torch.get_num_threads(),
        'cpu': cpu_name(),
    }
    write_atomically(file, json.dumps(made, indent=1) + '\n')
    return made


def training_config(entry: Mapping[str, Any], made: Mapping[str, Any]) -> Config:
    """The config with precision and length of the plan; schedules keep their shape.

    The options of the entry have the last word, for instance on when the rate decays.
    """
    config = entry_config(entry)
    _set_precision(config, made['precision'])
    share = made['max_epochs'] / config.train_cfg.max_epochs
    config.train_cfg.max_epochs = made['max_epochs']
    config.train_cfg.val_interval = max(1, round(config.train_cfg.get('val_interval', 1) * share))
    for scheduler in config.param_scheduler:
        if scheduler.get('by_epoch', True):
            for key in ('begin', 'end', 'T_max'):
                if key in scheduler:
                    scheduler[key] = round(scheduler[key] * share)
            if 'milestones' in scheduler:
                scheduler.milestones = [round(m * share) for m in scheduler.milestones]
    config.merge_from_dict(entry.get('options', {}))
    return config


def train(entry: Mapping[str, Any], out: Path, *, gpus: int = 0, precision: str = 'auto') -> Path:
    """Train one entry, or continue its training; returns its folder."""
    folder = out / entry['name']
    folder.mkdir(parents=True, exist_ok=True)
    made = plan(entry, folder, precision)
    config = training_config(entry, made)
    work_dir = folder / 'training'
    last = work_dir / 'last_checkpoint'
    if last.is_file() and f'epoch_{made["max_epochs"]}.pth' in last.read_text():
        return folder
    config.dump(folder / 'config.py')
    tool = [str(REPOSITORY / 'tools' / 'train.py'), str(folder / 'config.py')]
    start = [sys.executable, '-m', 'torch.distributed.run', f'--nproc_per_node={gpus}']
    command = [*(start if gpus else [sys.executable]), *tool, '--work-dir', str(work_dir)]
    command += ['--resume'] + (['--launcher', 'pytorch'] if gpus else [])
    began = time.time()
    with (folder / 'console.txt').open('a') as console:
        code = subprocess.run(command, stdout=console, stderr=console, check=False).returncode
    record = folder / 'hours.json'
    hours = json.loads(record.read_text()) if record.is_file() else []
    hours.append(round((time.time() - began) / 3600, 3))
    write_atomically(record, json.dumps(hours))
    if code:
        tail = (folder / 'console.txt').read_text().splitlines()[-5:]
        raise RuntimeError(f'{entry["name"]}: training ended with code {code}:\n' + '\n'.join(tail))
    return folder


def finish(entry: Mapping[str, Any], folder: Path) -> None:
    """Score a trained entry and write its description, or its scores alone."""
    made = json.loads((folder / 'plan.json').read_text())
    if 'about' not in entry:
        config = training_config(entry, made)
        write_scores(config, folder / 'training', folder / 'entry')
        return
    hours = json.loads((folder / 'hours.json').read_text())
    snapshots = sorted((folder / 'training').glob('epoch_*.pth'))
    write_entry(
        training_config(entry, made),
        folder / 'training',
        folder / 'entry',
        name=entry['name'],
        about={'config': entry['config'], **entry['about']},
        training={
            'command': f'python -m benchmarks.train_zoo ... --only {entry["name"]}',
            'seed': entry.get('seed', 0),
            'hours': sum(hours),
            'epochs': made['max_epochs'],
            'precision': made['precision'],
            'hardware': torch.cuda.get_device_name() if torch.cuda.is_available() else made['cpu'],
        },
        snapshots=snapshots,
        publish=entry.get('publish', 'selected'),
    )


def main(argv: list[str] | None = None) -> int:
    """Run the campaign."""
    args = parse_args(argv)
    entries = json.loads(args.campaign.read_text(encoding='utf-8'))
    names = [entry['name'] for entry in entries]
    if unknown := set(args.only or ()) - set(names):
        raise SystemExit(f'{args.campaign} has no entry {", ".join(sorted(unknown))}: {names}')
    for entry in entries:
        if args.only and entry['name'] not in args.only:
            continue
        folder = args.out / entry['name']
        result = DESCRIPTION if 'about' in entry else SCORES
        if (folder / 'entry' / result).is_file():
            print(f'{entry["name"]}: finished before, see {folder / "entry"}')
            continue
        print(f'{entry["name"]}: training, console in {folder / "console.txt"}', flush=True)
        train(entry, args.out, gpus=args.gpus, precision=args.precision)
        finish(entry, folder)
        print(f'{entry["name"]}: finished, see {folder / "entry"}', flush=True)
    compared = [args.out / e['name'] / 'entry' / SCORES for e in entries if 'about' not in e]
    if finished := [file for file in compared if file.is_file()]:
        table = scores_table(finished)
        write_atomically(args.out / 'scores.md', table)
        print(table)
    return 0


if __name__ == '__main__':
    sys.exit(main())
