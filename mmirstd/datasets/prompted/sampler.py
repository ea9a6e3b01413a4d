"""A sampler whose order can be entered anywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmirstd.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """Every image once an epoch, in an order that seed and epoch alone decide.

    Yields ``epoch * len(dataset) + index``, so that the dataset knows the epoch also in worker
    processes that live longer than one. In a distributed run each process gets its share of the
    same order; the last images are padded by the first ones.

    Args:
        dataset: Anything with a length whose items accept those numbers.
        seed: Of the order; by default the seed that all processes agree on.
        shuffle: False keeps the order of the dataset.
    """

    def __init__(self, dataset: Sized, seed: int | None = None, shuffle: bool = True) -> None:
        self.rank, self.world_size = get_dist_info()
        self.length = len(dataset)
        if not self.length:
            raise ValueError('the dataset contains no image')
        self.seed = sync_random_seed() if seed is None else seed
        self.shuffle = shuffle
        self.epoch = self.start = 0

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Go to an epoch, after the first ``start`` samples of this process."""
        self.epoch, self.start = epoch, start

    def __len__(self) -> int:
        """Samples of this process in a whole epoch, wherever it is entered."""
        return math.ceil(self.length / self.world_size)

    def __iter__(self) -> Iterator[int]:
        order = np.arange(self.length)
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.length)
        order = np.resize(order, len(self) * self.world_size)[self.rank :: self.world_size]
        for index in order[self.start :]:
            yield self.epoch * self.length + int(index)
