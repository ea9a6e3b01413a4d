"""The numbers drawn in an epoch depend on seed, epoch and rank only."""

import random
from types import SimpleNamespace

import numpy as np
import torch

from mmirstd.engine import epoch_seed
from mmirstd.engine.epoch_seed import EpochSeedHook


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
