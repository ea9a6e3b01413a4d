"""Convert a finished training to an entry of the zoo: scores, curves, weights, description."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from benchmarks.complexity import count
from mmirstd.inference.configs import image_channels
from mmirstd.inference.torch_detector import read_weights
from mmirstd.io.hashing import sha256
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.weights.packing import pack_weights
from mmirstd.weights.registry import DESCRIPTION

SCORES = 'scores.json'
REPORTED = ('IoU', 'nIoU', 'Pd', 'Fa', 'images', 'targets')


def cpu_name() -> str:
    """Name and vector instructions of the processor, because times and precision depend on them."""
    text = Path('/proc/cpuinfo').read_text() if Path('/proc/cpuinfo').exists() else ''
    model = re.search(r'model name\s*: (.*)', text)
    flags = set(re.findall(r'\S+', (re.search(r'flags\s*: (.*)', text) or ['', ''])[1]))
    units = [u for u in ('avx2', 'avx512f', 'avx512_bf16', 'amx_bf16') if u in flags]
    return f'{model[1] if model else platform.processor()} ({", ".join(units) or "no AVX"})'


class Scorer:
    """Scores checkpoints of one config; the model is built once.

    Args:
        config: Config of the training.
        work_dir: Folder for logs of the scoring.
    """

    def __init__(self, config: Config, work_dir: Path) -> None:
        self.config = deepcopy(config)
        self.work_dir = work_dir
        init_default_scope(config.get('default_scope', 'mmseg'))
        self._runners: dict[str, Runner] = {}

    def _runner(self, split: str) -> Runner:
        if split not in self._runners:
            cfg = deepcopy(self.config)
            cfg.test_dataloader = cfg[f'{split}_dataloader']
            cfg.work_dir = str(self.work_dir)
            cfg.experiment_name = f'score_{split}_{id(self)}'
            cfg.visualizer = {'type': 'SegLocalVisualizer', 'vis_backends': []}
            for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler',
                        'val_dataloader', 'val_cfg', 'val_evaluator', 'custom_hooks'):  # fmt: skip
                cfg.pop(key, None)
            cfg.load_from, cfg.resume, cfg.log_level = None, False, 'WARNING'
            self._runners[split] = Runner.from_cfg(cfg)
        return self._runners[split]

    def __call__(self, checkpoint: Path, split: str, *, ema: bool = True) -> dict[str, float]:
        """Numbers of `mmirstd.IRSTDMetric` for the ``'val'`` or ``'test'`` split."""
        runner = self._runner(split)
        state = read_weights(checkpoint, ema=ema)
        runner.model.load_state_dict(state)
        return {k.partition('/')[2]: v for k, v in runner.test().items() if k.startswith('irstd/')}

    @property
    def model(self) -> torch.nn.Module:
        """The model of the config."""
        return self._runner('test').model


def history(work_dir: Path, earlier: Sequence[Path] = ()) -> tuple[list[dict], list[dict]]:
    """Training and validation records of a run and its resumed parts, by step.

    Args:
        work_dir: Folder of the run.
        earlier: Folders of the earlier runs that it continues, in order. Their records come first,
            and the counts of iterations and epochs continue.
    """
    train: list[dict] = []
    val: list[dict] = []
    for folder in (*earlier, work_dir):
        trained, validated = _records(folder)
        begins_again = bool(train and trained and trained[0]['iter'] <= train[-1]['iter'])
        iterations = train[-1]['iter'] if begins_again else 0
        epochs = train[-1]['epoch'] if begins_again else 0
        train += [
            r | {'iter': r['iter'] + iterations, 'epoch': r['epoch'] + epochs} for r in trained
        ]
        val += [r | {'step': r['step'] + epochs} for r in validated]
    return train, val


def _records(work_dir: Path) -> tuple[list[dict], list[dict]]:
    train: dict[int, dict] = {}
    val: dict[int, dict] = {}
    for file in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in file.read_text().splitlines():
            record = json.loads(line)
            if 'loss' in record:
                train[record['iter']] = record
            elif 'irstd/IoU' in record:
                val[record['step']] = record
    return [train[k] for k in sorted(train)], [val[k] for k in sorted(val)]


def draw_curves(work_dir: Path, key: str, path: Path, earlier: Sequence[Path] = ()) -> None:
    """Loss by iteration beside the validation score ``irstd/<key>`` by epoch."""
    train, val = history(work_dir, earlier)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), layout='constrained')
    left.plot([r['iter'] for r in train], [r['loss'] for r in train], linewidth=0.8)
    left.set(xlabel='iteration', ylabel='loss', yscale='log')
    names = sorted({k for r in val for k in r if re.fullmatch(rf'irstd/(.+/)?{key}', k)})
    for name in names:
        right.plot([r['step'] for r in val], [r.get(name) for r in val], label=name[6:])
    right.set(xlabel='epoch', ylabel=f'validation {key}, %')
    right.legend(fontsize='small', loc='center left', bbox_to_anchor=(1, 0.5))
    right.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def write_history(work_dir: Path, path: Path, earlier: Sequence[Path] = ()) -> None:
    """Write the last training record of every epoch and all validation scores, one per line."""
    train, val = history(work_dir, earlier)
    last = {record['epoch']: record for record in train}
    losses = ('epoch', 'iter', 'lr', 'loss', 'decode.loss_soft_iou', 'time')
    lines = [{k: record[k] for k in losses if k in record} for record in last.values()]
    wanted = re.compile(rf'irstd/(.+/|mean_)?({"|".join(REPORTED[:4])})')
    lines += [
        {'epoch': r['step'], **{k: round(v, 3) for k, v in r.items() if wanted.fullmatch(k)}}
        for r in val
    ]
    lines.sort(key=lambda line: line['epoch'])
    write_atomically(path, ''.join(json.dumps(line) + '\n' for line in lines))


def per_dataset(numbers: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Numbers of a joint result by dataset, ``'pooled'`` for all images together."""
    found: dict[str, dict[str, float]] = {'pooled': {k: numbers[k] for k in REPORTED}}
    for name, value in numbers.items():
        dataset, slash, key = name.partition('/')
        if slash and key in REPORTED:
            found.setdefault(dataset, {})[key] = value
    return found


def best_checkpoint(work_dir: Path) -> Path:
    """The checkpoint with the best validation score.

    Raises:
        FileNotFoundError: There is none, or more than one.
    """
    found = sorted(work_dir.glob('best_*.pth'))
    if len(found) != 1:
        raise FileNotFoundError(f'{work_dir} must contain one best_*.pth, found {len(found)}')
    return found[0]


def last_checkpoint(work_dir: Path) -> Path:
    """The last checkpoint of a run, also of one whose folder was moved."""
    last = Path((work_dir / 'last_checkpoint').read_text().strip())
    return last if last.is_file() else work_dir / last.name


def write_scores(config: Config, work_dir: Path, out: Path) -> None:
    """Score the last averaged weights of a training on both splits, without selecting any.

    Writes ``scores.json`` and ``history.jsonl`` into ``out``.
    """
    out.mkdir(parents=True, exist_ok=True)
    scorer, last = Scorer(config, out / 'scoring'), last_checkpoint(work_dir)
    scores = {split: per_dataset(scorer(last, split)) for split in ('val', 'test')}
    about = {'last': last.name, 'commit': commit(), **_cost(config, scorer.model)}
    write_history(work_dir, out / 'history.jsonl')
    write_atomically(out / SCORES, json.dumps(about | scores, indent=1) + '\n')


def scores_table(files: Sequence[Path]) -> str:
    """Table of ``scores.json`` of :func:`write_scores`, one row per training, in Markdown.

    The columns of the datasets contain IoU / nIoU / Pd / Fa (1e-6) on their test splits.

    Args:
        files: ``<name>/entry/scores.json`` of each.
    """
    entries = {file.parent.parent.name: json.loads(file.read_text()) for file in files}
    first = next(iter(entries.values()))['test']
    sets = [name for name in first if name != 'pooled'] or ['pooled']
    heads = ['training', 'GMACs', 'parameters', 'validation: mean IoU', *sets]
    rows = [heads, ['---'] * len(heads)]
    for name, entry in entries.items():
        val = [entry['val'][dataset]['IoU'] for dataset in sets]
        test = [[entry['test'][dataset][key] for key in REPORTED[:4]] for dataset in sets]
        cost = [f'{entry["macs"] / 1e9:.2f}', f'{entry["parameters"]:,}']
        scores = [' / '.join(f'{value:.2f}' for value in row) for row in test]
        rows.append([name, *cost, f'{sum(val) / len(val):.2f}', *scores])
    return ''.join(f'| {" | ".join(row)} |\n' for row in rows)


def _cost(config: Config, model: torch.nn.Module) -> dict[str, float]:
    image = torch.zeros(1, image_channels(config), 256, 256)
    return {
        'parameters': sum(p.numel() for p in model.parameters()),
        'macs': float(count(model.cpu().eval(), image).total_macs),
    }


def commit() -> str:
    """Short hash of the checkout, with a plus sign if files are changed."""
    run = subprocess.run(
        ['git', 'describe', '--always', '--dirty=+'], capture_output=True, text=True, check=False
    )
    return run.stdout.strip() or 'unknown'


def write_entry(
    config: Config,
    work_dir: Path,
    out: Path,
    *,
    name: str,
    about: Mapping[str, Any],
    training: Mapping[str, Any],
    earlier: Sequence[Path] = (),
    snapshots: Sequence[Path] = (),
    half: bool = True,
    publish: str = 'selected',
) -> dict[str, Any]:
    """Score a finished training and write its entry into ``out``.

    Written are ``weights.safetensors``, ``model.json``, ``scores.json``, ``history.jsonl`` and
    ``curves.png``.

    Args:
        config: Config of the training.
        work_dir: Its folder, with ``best_*.pth`` and ``last_checkpoint``.
        out: Folder of the entry.
        name: Name of the entry.
        about: ``summary``, ``config``, ``tile_size``, ``trained_on``, ``licence``, ``aliases``.
        training: Command, seed, hardware, hours.
        earlier: Folders of the earlier runs that this one continues, for history and curves.
        snapshots: Checkpoints for the best score on the test split, which is reported separately
            and does not select anything.
        half: Store kernels as float16.
        publish: Which weights the entry has: ``'selected'`` on validation (averaged if the training
            averages), or those of the last epoch, ``'last'`` or averaged ``'last_ema'``.

    Returns:
        All scores.

    Raises:
        ValueError: The training has no weights of the kind ``publish``.
    """
    out.mkdir(parents=True, exist_ok=True)
    scorer = Scorer(config, out / 'scoring')
    best, last = best_checkpoint(work_dir), last_checkpoint(work_dir)
    has_ema = any(hook['type'] == 'EMAHook' for hook in config.get('custom_hooks', []))
    scores: dict[str, Any] = {'best': best.name, 'last': last.name}
    variants = {'selected': (best, True), 'last': (last, False)}
    if has_ema:
        variants['last_ema'] = (last, True)
    if publish not in variants:
        raise ValueError(f'publish={publish!r} is none of {", ".join(variants)}')
    for split in ('val', 'test'):
        for variant, (checkpoint, ema) in variants.items():
            scores[f'{variant}_{split}'] = per_dataset(scorer(checkpoint, split, ema=ema))
    peaks = {path.name: scorer(path, 'test') for path in snapshots}
    if peaks:
        top = max(peaks, key=lambda file: peaks[file].get('mean_IoU', peaks[file]['IoU']))
        scores['peak_test'] = {'checkpoint': top, **per_dataset(peaks[top])}

    about = dict(about)
    if str(about['config']).endswith('.py'):  # not a config of the package: it goes along
        config.dump(out / 'config.py')
        about['config'] = 'config.py'
    weights = out / 'weights.safetensors'
    checkpoint, ema = variants[publish]
    pack_weights(read_weights(checkpoint, ema=ema), weights, half=half)
    scores['published_test'] = per_dataset(scorer(weights, 'test'))
    write_atomically(out / SCORES, json.dumps(scores, indent=1) + '\n')
    draw_curves(work_dir, 'IoU', out / 'curves.png', earlier)
    write_history(work_dir, out / 'history.jsonl', earlier)

    splits = {title: dataset['split'] for title, dataset in _splits(config.test_dataloader.dataset)}
    published = [
        {
            'dataset': dataset, 'split': splits.get(dataset, 'all'),
            'images': int(one['images']), 'targets': int(one['targets']),
            'iou': round(one['IoU'], 2), 'niou': round(one['nIoU'], 2),
            'pd': round(one['Pd'], 2), 'fa': round(one['Fa'], 2),
            'matching': config.test_evaluator.get('matching', 'optimal'), 'size': 'native',
        }
        for dataset, one in scores['published_test'].items()
        if dataset != 'pooled' or len(splits) == 1
    ]  # fmt: skip
    description = {
        'name': name,
        **about,
        'file': weights.name,
        'sha256': sha256(weights),
        'size': weights.stat().st_size,
        **_cost(config, scorer.model),
        'scores': published,
        'training': {'commit': commit(), **training},
    }
    write_atomically(out / DESCRIPTION, json.dumps(description, indent=1) + '\n')
    return scores


def _splits(dataset: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    from mmirstd.datasets.catalog import find_dataset

    parts = dataset.get('datasets', [dataset])
    named = []
    for part in parts:
        split = part.get('split') or 'all'
        known = find_dataset(split.partition('/')[0])
        named.append((known.title if known else Path(part['data_root']).name, {'split': split}))
    return named
