"""Random numbers of a data loader that depend only on the position of the sample in the run.

MMEngine seeds a worker process by the seed of the run and the number of the worker. Workers that
start again in every epoch (``persistent_workers=False``) therefore repeat the augmentation of the
first epoch, and persistent workers draw other numbers after a resume. Here every sample gets its
own seed, so neither the number of workers nor an interruption changes the random numbers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from mmirstd.engine.batches import WrappedBatches

Key = tuple[int, ...]
"""Non-negative integers that identify a stream of random numbers."""


def seed_of(key: Key) -> int:
    """A 32-bit seed derived from the key."""
    return int(np.random.SeedSequence(key).generate_state(1)[0])


@contextmanager
def drawing_from(key: Key) -> Iterator[None]:
    """Seed Python, numpy and torch (CPU) by ``key``, and restore their states afterwards."""
    generator = torch.random.default_generator
    states = random.getstate(), np.random.get_state(), generator.get_state()
    seed = seed_of(key)
    random.seed(seed)
    np.random.seed(seed)
    generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        generator.set_state(states[2])


class NumberedBatches(WrappedBatches):
    """A batch sampler whose indices are ``(index, epoch, number)``.

    ``number`` counts the samples that this process has requested in the epoch. In an
    iteration-based run it continues through all passes over the dataset.
    """

    def __init__(self, batches: Any) -> None:
        super().__init__(batches)
        self.epoch = self.number = 0

    def start(self, epoch: int, number: int = 0) -> None:
        """Go to an epoch and skip its first ``number`` samples."""
        self.epoch, self.number = epoch, number

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        for batch in self.batches:
            first = self.number
            self.number += len(batch)
            yield [(index, self.epoch, first + n) for n, index in enumerate(batch)]


class SeededSamples(Dataset):
    """A dataset that loads each sample of :class:`NumberedBatches` with its own seed.

    Other attributes are those of the dataset.
    """

    def __init__(self, dataset: Dataset, seed: int, rank: int) -> None:
        self.dataset = dataset
        self.key = (seed, rank)

    def __getitem__(self, place: tuple[int, int, int]) -> Any:
        index, epoch, number = place
        with drawing_from((*self.key, epoch, number)):
            return self.dataset[index]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        if name == 'dataset':  # not yet set, while a copy is made
            raise AttributeError(name)
        return getattr(self.dataset, name)


def seed_samples(loader: DataLoader, seed: int, rank: int) -> NumberedBatches | None:
    """Give every sample of a loader its own seed; returns None if the loader has no indices.

    Call it before the loader is iterated for the first time: workers get a copy of the dataset.
    """
    if isinstance(loader.dataset, IterableDataset) or loader.batch_sampler is None:
        return None
    if isinstance(loader.batch_sampler, NumberedBatches):
        return loader.batch_sampler
    batches = NumberedBatches(loader.batch_sampler)
    # A DataLoader forbids assignment, since length and order might change; here they do not.
    loader.__dict__['batch_sampler'] = batches
    loader.__dict__['dataset'] = SeededSamples(loader.dataset, seed, rank)
    # Starting workers draws a number, which must not come from the main process's stream.
    loader.generator = torch.Generator().manual_seed(seed_of((seed, rank)))
    skip = getattr(loader.sampler, 'skip', None)
    if skip is not None:

        def skip_and_count(samples: int) -> None:
            skip(samples)
            batches.number = samples

        loader.sampler.skip = skip_and_count
    return batches
