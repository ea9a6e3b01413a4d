"""Random numbers that depend on the epoch, not on earlier epochs."""

from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmirstd.engine.sample_seed import NumberedBatches, seed_of, seed_samples
from mmirstd.registry import HOOKS

_DATA = 1
"""Distinguishes the seeds of the data from those of the main process."""


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Make the random numbers of training a function of seed, rank and position in the run.

    MMEngine seeds once at the start and does not store the state of the generators. So a
    resumed run draws other augmentations, loss points and dropout masks than an uninterrupted
    one, and worker processes that start again in every epoch repeat the augmentation of the first
    epoch.

    Here the main process (loss points, dropout) is seeded at the start of every epoch, or at every
    iteration of an iteration-based run. Every training sample is loaded with its own seed, a
    function of ``randomness.seed``, the rank, the epoch and the position of the sample in it. So
    epochs differ, a run that was killed and resumed repeats the uninterrupted run exactly if
    the operators are deterministic, and the number of worker processes has no effect.
    """

    priority = 'VERY_HIGH'
    _batches: NumberedBatches | None = None
    _is_iter_based = False

    def before_train(self, runner: Runner) -> None:
        """Give every training sample its own seed."""
        loop = runner.train_loop
        self._batches = seed_samples(loop.dataloader, seed_of((runner.seed, _DATA)), get_rank())
        self._is_iter_based = isinstance(loop, IterBasedTrainLoop)
        if self._is_iter_based:
            self._restart_early_workers(loop)
            if self._batches is not None and getattr(loop, 'fast_forward_on_resume', False):
                self._batches.start(0, loop.iter * (loop.dataloader.batch_size or 1))

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed with a value that no other epoch or rank of this run has."""
        self._seed_main(runner.seed, runner.epoch)
        if self._batches is not None and not self._is_iter_based:
            self._batches.start(runner.epoch)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | tuple | list | None = None
    ) -> None:
        """Seed the main process of an iteration-based run, whose epoch never ends."""
        if self._is_iter_based:
            self._seed_main(runner.seed, runner.iter)

    def _seed_main(self, seed: int, place: int) -> None:
        value = seed_of((seed, place, get_rank()))
        random.seed(value)
        np.random.seed(value)
        torch.manual_seed(value)

    @staticmethod
    def _restart_early_workers(loop: IterBasedTrainLoop) -> None:
        """Start workers again with our dataset: MMEngine 0.10.7 starts them with the loop."""
        iterator = loop.dataloader_iterator
        if getattr(iterator, '_iterator', None) is None:
            return
        loop.dataloader._iterator = None
        sampler = loop.dataloader.sampler
        if hasattr(sampler, '_indices_of_rank'):  # an InfiniteSampler, partly used up
            sampler.indices = sampler._indices_of_rank()
        loop.dataloader_iterator = type(iterator)(loop.dataloader)
