"""Compare distilled or ImageNet weights of an encoder with random initial weights."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

from benchmarks.comparison import SCORES, Budget, Row, train_and_score
from mmirstd.inference.configs import load_config
from mmirstd.io.outputs.atomic import write_atomically

RANDOM = 'random'
IMAGENET = 'imagenet'
TAKE_WEIGHTS = ('mmirstd.RepViT', 'mmirstd.EfficientNetLite0')
"""Encoders with an argument ``weights``."""


def with_weights(config: Config, weights: str | None) -> Config:
    """A copy of a config whose encoder starts from ``weights``; None for random ones.

    Raises:
        ValueError: The encoder has no argument ``weights``.
    """
    cfg = deepcopy(config)
    encoder = cfg.model.backbone
    encoder = encoder.get('backbone', encoder)  # inside of a QueryEncoder
    if encoder.type not in TAKE_WEIGHTS:
        raise ValueError(
            f'{config.filename}: the encoder is {encoder.type}; only {", ".join(TAKE_WEIGHTS)} '
            'take weights'
        )
    encoder.weights = weights
    return cfg


def compare_initialisations(
    config: str, weights: Mapping[str, str], seeds: Sequence[int], budget: Budget, folder: Path
) -> dict[str, list[Row]]:
    """Fine-tune from random and from given weights, with the same budget and the same seeds.

    Within a seed, everything but the weights of the encoder is equal: the other parts' random
    weights, the images and their order. After each run ``rows.json`` and ``table.md`` in
    ``folder`` are written again.

    Args:
        config: Path or name of a config.
        weights: Name -> checkpoint of a student or of a backbone, or ``'imagenet'``.
        seeds: One run per seed and initialisation.
        budget: Budget of every run; its seed is replaced.
        folder: Folder for all results; created.

    Returns:
        Name -> one row per seed; ``'random'`` comes first.

    Raises:
        FileNotFoundError: A checkpoint does not exist.
        ValueError: There is no seed, or the config's encoder has no argument ``weights``.
    """
    if not seeds:
        raise ValueError('give at least one seed')
    for path in weights.values():
        if path != IMAGENET and not Path(path).is_file():
            raise FileNotFoundError(f'weights {path} do not exist')
    loaded = load_config(config)
    init_default_scope('mmseg')
    folder.mkdir(parents=True, exist_ok=True)
    starts = {RANDOM: None, **weights}
    rows: dict[str, list[Row]] = {name: [] for name in starts}
    for seed in seeds:
        for name, path in starts.items():
            rows[name].append(
                _run(loaded, path, replace(budget, seed=seed), folder / f'{name}_{seed}')
            )
            _write(folder, rows, seeds, budget, weights)
    return rows


def _run(config: Config, weights: str | None, budget: Budget, folder: Path) -> Row:
    """Result of one run, or of an earlier call with the same arguments."""
    path = weights if weights in (None, IMAGENET) else str(Path(weights).resolve())
    wanted = {'config': str(config.filename), 'weights': path, 'budget': asdict(budget)}
    wanted = json.loads(json.dumps(wanted))
    file = folder / 'row.json'
    if file.is_file():
        content = json.loads(file.read_text())
        if content['asked'] == wanted:
            return Row(**content['row'])
    row = train_and_score(with_weights(config, path), budget, folder)
    row = replace(row, log=f'{folder.name}/{row.log}')
    write_atomically(file, json.dumps({'asked': wanted, 'row': asdict(row)}, indent=1))
    return row


def _write(
    folder: Path,
    rows: Mapping[str, Sequence[Row]],
    seeds: Sequence[int],
    budget: Budget,
    weights: Mapping[str, str],
) -> None:
    content = {
        'budget': asdict(budget),
        'weights': dict(weights),
        'seeds': list(seeds),
        'rows': {name: [asdict(row) for row in each] for name, each in rows.items()},
    }
    (folder / 'rows.json').write_text(json.dumps(content, indent=1) + '\n')
    (folder / 'table.md').write_text(table(rows, seeds) + '\n')


def table(rows: Mapping[str, Sequence[Row]], seeds: Sequence[int]) -> str:
    """Markdown: every run, then mean and sample standard deviation, then paired differences."""
    lines = [
        '| encoder starts from | seed | first loss | last loss | IoU % | nIoU % | Pd % | Fa 1e-6 '
        '| seconds |',
        '| --- |' + ' ---: |' * 8,
    ]
    for name, runs in rows.items():
        for seed, row in zip(seeds, runs, strict=False):
            cells = [name, str(seed), *(f'{x:.3f}' for x in (row.first_loss, row.last_loss))]
            cells += [f'{row.scores[score]:.2f}' for score in SCORES]
            lines.append('| ' + ' | '.join([*cells, f'{row.train_seconds:.0f}']) + ' |')
    for name, runs in rows.items():
        if len(runs) > 1:
            lines.append(_summary(f'{name}, mean ± std', [_values(row) for row in runs]))
    for name, runs in rows.items():
        pairs = list(zip(runs, rows[RANDOM], strict=False))
        if name != RANDOM and len(pairs) > 1:
            gains = [
                [a - b for a, b in zip(_values(one), _values(other), strict=True)]
                for one, other in pairs
            ]
            lines.append(_summary(f'{name} - {RANDOM}, per seed', gains))
    return '\n'.join(lines)


def _values(row: Row) -> list[float]:
    return [row.first_loss, row.last_loss, *(row.scores[score] for score in SCORES)]


def _summary(name: str, values: Sequence[Sequence[float]]) -> str:
    columns = list(zip(*values, strict=True))
    digits = [3, 3] + [2] * len(SCORES)
    cells = [
        f'{statistics.fmean(column):.{d}f} ± {statistics.stdev(column):.{d}f}'
        for column, d in zip(columns, digits, strict=True)
    ]
    return '| ' + ' | '.join([name, 'all', *cells, '']) + ' |'
