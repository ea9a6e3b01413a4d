"""benchmarks/zoo_entry.py: the history of a training that continued others."""

import json
from pathlib import Path

from benchmarks.train_zoo import training_config
from benchmarks.zoo_entry import history, scores_table, write_history


def record_run(folder: Path, first: int, epochs: int, steps: int, loss: float) -> Path:
    """A run of ``epochs`` from epoch ``first`` on, validated after each."""
    lines = []
    for epoch in range(first, first + epochs):
        iteration = epoch * steps
        lines += [
            {'iter': iteration, 'epoch': epoch, 'loss': loss, 'lr': 0.1, 'step': iteration},
            {'irstd/IoU': loss * 10, 'step': epoch},
        ]
    file = folder / 'one' / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return folder


def test_runs_are_counted_on(tmp_path: Path) -> None:
    first = record_run(tmp_path / 'first', 1, 3, 10, 3.0)
    resumed = record_run(tmp_path / 'resumed', 4, 2, 10, 2.0)  # counts on by itself
    last = record_run(tmp_path / 'last', 1, 2, 4, 1.0)  # starts from weights alone
    train, val = history(last, [first, resumed])
    assert [r['epoch'] for r in train] == [1, 2, 3, 4, 5, 6, 7]
    assert [r['iter'] for r in train] == [10, 20, 30, 40, 50, 54, 58]
    assert [(r['step'], r['irstd/IoU']) for r in val] == [
        (1, 30), (2, 30), (3, 30), (4, 20), (5, 20), (6, 10), (7, 10),
    ]  # fmt: skip
    assert [r['epoch'] for r in history(last)[0]] == [1, 2]

    write_history(last, tmp_path / 'history.jsonl', [first, resumed])
    lines = [json.loads(line) for line in (tmp_path / 'history.jsonl').read_text().splitlines()]
    assert [line['epoch'] for line in lines] == [epoch for k in range(1, 8) for epoch in (k, k)]


def test_the_options_of_an_entry_count_last() -> None:
    options = {'param_scheduler.1.begin': 4, 'train_cfg.val_interval': 3}
    entry = {'name': 'a', 'config': 'light_unet_sirst3', 'epochs': 12, 'options': options}
    config = training_config(entry, {'precision': 'bfloat16', 'max_epochs': 12})
    assert config.train_cfg.max_epochs == 12
    assert config.train_cfg.val_interval == 3
    assert (config.param_scheduler[1].begin, config.param_scheduler[1].end) == (4, 12)
    scaled = training_config(entry | {'options': {}}, {'precision': 'float32', 'max_epochs': 70})
    assert (scaled.param_scheduler[1].begin, scaled.param_scheduler[1].end) == (28, 70)
    assert scaled.optim_wrapper.type == 'OptimWrapper'


def test_the_table_names_every_training(tmp_path: Path) -> None:
    numbers = {'IoU': 50.0, 'nIoU': 51.0, 'Pd': 90.0, 'Fa': 12.345, 'images': 2, 'targets': 3}
    better = numbers | {'IoU': 70.0}
    joint = {'pooled': numbers, 'A': numbers, 'B': better}
    files = []
    for name, result in {'one': joint, 'two': joint}.items():
        files.append(tmp_path / name / 'entry' / 'scores.json')
        files[-1].parent.mkdir(parents=True)
        entry = {'macs': 1.5e9, 'parameters': 1234, 'val': result, 'test': result}
        files[-1].write_text(json.dumps(entry))
    assert scores_table(files).splitlines()[2:] == [
        f'| {name} | 1.50 | 1,234 | 60.00 | 50.00 / 51.00 / 90.00 / 12.35 '
        '| 70.00 / 51.00 / 90.00 / 12.35 |'
        for name in ('one', 'two')
    ]
    alone = {'macs': 1e9, 'parameters': 1, 'val': {'pooled': numbers}, 'test': {'pooled': numbers}}
    files[0].write_text(json.dumps(alone))
    assert '| 50.00 | 50.00 / 51.00' in scores_table(files[:1])
