"""benchmarks/zoo_entry.py: the history of a training that continued others."""

import json
from pathlib import Path

from benchmarks.zoo_entry import history, write_history


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
