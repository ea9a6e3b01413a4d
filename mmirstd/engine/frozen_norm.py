"""Train with frozen statistics of batch norms."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from mmirstd.registry import HOOKS


@HOOKS.register_module()
class FrozenNormHook(Hook):
    """Normalise with the running statistics of batch norms in training, without updating them.

    In training, a batch norm normalises with the mean and variance of its batch. Crops around
    targets have other statistics than whole images, and those of a few images are noisy. From epoch
    ``begin`` on the model trains as it predicts; its batch norms still learn weights and biases.

    Args:
        begin: First epoch, counted from 0, with frozen statistics.

    Raises:
        ValueError: ``begin`` is negative, or the model has no batch norm.
    """

    def __init__(self, begin: int = 0) -> None:
        if begin < 0:
            raise ValueError(f'begin={begin} must not be negative')
        self.begin = begin
        self._norms: list[_BatchNorm] = []

    def before_train(self, runner: Runner) -> None:
        """Find the batch norms."""
        self._norms = [m for m in runner.model.modules() if isinstance(m, _BatchNorm)]
        if not self._norms:
            raise ValueError(
                'FrozenNormHook: the model has no batch norm; take the hook out of custom_hooks'
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Put batch norms into evaluation mode, which the start of an epoch ends."""
        if runner.epoch < self.begin:
            return
        if batch_idx == 0 and runner.epoch == self.begin:
            print_log(f'statistics of {len(self._norms)} batch norms are frozen', logger='current')
        for norm in self._norms:
            norm.eval()
