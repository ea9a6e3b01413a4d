"""Random numbers that depend on the epoch, not on what happened before it."""

from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmirstd.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed Python, numpy and torch at the start of every training epoch.

    MMEngine seeds once at the start and does not store the state of the generators, so a
    resumed run draws other augmentations, loss points and dropout masks than an uninterrupted
    one. The seed here is a function of ``randomness.seed``, the epoch and the rank alone: a run
    that was killed and resumed repeats the uninterrupted run exactly where the operators are
    deterministic and augmentation runs in the main process (``num_workers=0``). Worker
    processes seed themselves; their draws differ after a resume, which changes nothing in
    distribution.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed with a value that no other epoch or rank of this run has."""
        key = (runner.seed, runner.epoch, get_rank())
        seed = int(np.random.SeedSequence(key).generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
