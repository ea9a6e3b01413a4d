"""A sampler that can start anywhere in its order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmirstd.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler):
    """Yields every image once per epoch, in an order that depends only on seed and epoch.

    It yields ``epoch * len(dataset) + index``, so that the dataset knows the epoch even in worker
    processes that last for several epochs. In a distributed run each process gets its share of the
    same order; the first images fill up the last share.

    Args:
        dataset: Anything with a length whose items accept those numbers.
        seed: Seed of the order; by default the one that all processes share.
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
        """Go to an epoch and skip the first ``start`` samples of this process."""
        self.epoch, self.start = epoch, start

    def __len__(self) -> int:
        """Samples of this process in a whole epoch, even if it starts later."""
        return math.ceil(self.length / self.world_size)

    def __iter__(self) -> Iterator[int]:
        order = np.arange(self.length)
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.length)
        order = np.resize(order, len(self) * self.world_size)[self.rank :: self.world_size]
        for index in order[self.start :]:
            yield self.epoch * self.length + int(index)
