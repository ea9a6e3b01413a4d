"""The numbers drawn in training depend on seed, rank and place in the run only."""

import itertools
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from mmirstd.engine import epoch_seed
from mmirstd.engine.epoch_seed import EpochSeedHook

NAMES = itertools.count()


def draws(seed: int, epoch: int) -> tuple[float, ...]:
    EpochSeedHook().before_train_epoch(SimpleNamespace(seed=seed, epoch=epoch))
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_an_epoch_repeats_whatever_was_drawn_before():
    first = draws(0, 3)
    torch.rand(100)
    random.random()
    assert draws(0, 3) == first


def test_seeds_epochs_and_ranks_differ(monkeypatch):
    seen = {draws(seed, epoch) for seed in range(3) for epoch in range(3)}
    monkeypatch.setattr(epoch_seed, 'get_rank', lambda: 1)
    seen |= {draws(seed, epoch) for seed in range(3) for epoch in range(3)}
    for position in range(3):
        assert len({values[position] for values in seen}) == 18


class Draws(Dataset):
    """Twelve samples, each with its index and what the three generators draw for it."""

    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> dict:
        drawn = random.random(), np.random.rand(), torch.rand(1).item()
        return {'index': torch.tensor(index), 'drawn': torch.tensor(drawn)}


class Model(BaseModel):
    """Notes its batches and what its main process draws."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: list[tuple[list[int], list[list[float]], float]] = []

    def forward(self, index, drawn, mode='loss'):
        self.seen.append((index.tolist(), drawn.tolist(), torch.rand(1).item()))
        return {'loss': self.weight.sum()}


def train(folder, *, workers=0, persistent=False, seed=0, resume=False, stop=None, **loop):
    """Batches of a run of three passes over the data; ``stop`` ends it early."""
    by_epoch = 'max_epochs' in loop
    if stop is not None:
        loop['max_epochs' if by_epoch else 'max_iters'] = stop
    infinite = loop.pop('infinite', False)
    model = Model()
    runner = Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader={
            'batch_size': 4,
            'num_workers': workers,
            'persistent_workers': persistent,
            'sampler': {
                'type': 'InfiniteSampler' if infinite else 'DefaultSampler',
                'shuffle': True,
            },
            'dataset': Draws(),
            'collate_fn': {'type': 'default_collate'},
        },
        train_cfg=loop | {'by_epoch': by_epoch},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        default_hooks={
            'checkpoint': {'type': 'CheckpointHook', 'interval': 1, 'by_epoch': by_epoch}
        },
        custom_hooks=[EpochSeedHook()],
        randomness={'seed': seed},
        experiment_name=f'seeds_{next(NAMES)}',
        default_scope='mmengine',
        resume=resume,
    )
    runner.train()
    # The garbage collector would wait ten seconds for workers that are still there.
    holder = runner.train_loop.dataloader if by_epoch else runner.train_loop.dataloader_iterator
    if workers and holder._iterator is not None:
        holder._iterator._shutdown_workers()
    return model.seen


EPOCHS = {'max_epochs': 3}
ITERATIONS = {'max_iters': 9}
INFINITE = {'max_iters': 9, 'infinite': True}
LOOPS = pytest.mark.parametrize('loop', [EPOCHS, ITERATIONS, INFINITE], ids=str)
WORKERS = pytest.mark.parametrize(
    ('workers', 'persistent'), [(0, False), (2, False), (2, True)], ids=str
)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """MMEngine waits two seconds before a finite sampler starts again."""
    monkeypatch.setattr('mmengine.runner.loops.time', SimpleNamespace(sleep=lambda seconds: None))


@LOOPS
def test_the_number_of_workers_changes_nothing(tmp_path, loop):
    runs = [
        train(tmp_path, workers=workers, persistent=persistent, **loop)
        for workers, persistent in ((0, False), (1, False), (2, True))
    ]
    assert all(run == runs[0] for run in runs)
    assert train(tmp_path, seed=1, **loop) != runs[0]


@LOOPS
@WORKERS
def test_epochs_differ_and_a_resumed_run_repeats_the_uninterrupted_one(
    tmp_path, loop, workers, persistent
):
    options = {'workers': workers, 'persistent': persistent}
    whole = train(tmp_path / 'whole', **options, **loop)
    drawn = [values for _, batch, _ in whole for values in batch]
    assert len(drawn) == 36
    assert all(len(set(column)) == 36 for column in zip(*drawn, strict=True))
    # Iteration-based runs may stop within a pass: after 4 of 3 + 3 + 3 batches.
    stop = {'max_epochs': 1, 'max_iters': 4}[next(iter(loop))]
    first = train(tmp_path / 'parts', **options, stop=stop, **loop)
    second = train(tmp_path / 'parts', **options, resume=True, **loop)
    assert first + second == whole


def test_workers_that_were_started_with_the_loop_start_again(tmp_path):
    """As MMEngine 0.10.7 does, which creates the iterator in the loop's constructor."""

    class Early(Hook):
        priority = 'HIGHEST'

        def before_train(self, runner):
            iterator = runner.train_loop.dataloader_iterator
            iterator._iterator = iter(runner.train_loop.dataloader)
            next(iterator._iterator)

    expected = train(tmp_path, workers=2, **INFINITE)
    original = EpochSeedHook.before_train

    def early(self, runner):
        Early().before_train(runner)
        original(self, runner)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EpochSeedHook, 'before_train', early)
        assert train(tmp_path, workers=2, **INFINITE) == expected
