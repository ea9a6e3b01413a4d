"""Training on with the statistics of batch norms as they are."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from mmirstd.registry import HOOKS


@HOOKS.register_module()
class FrozenNormHook(Hook):
    """Normalise with the running statistics of batch norms while training, and leave them alone.

    A batch norm that trains normalises with the mean and variance of its batch. These depend on
    what the batch holds: with crops around targets they are others than on whole images, and few
    images a step make them noisy. From epoch ``begin`` on the model trains as it predicts; the
    weights and biases of its batch norms go on learning.

    Args:
        begin: Epoch, counted from 0, from which on statistics are frozen.

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
        """Put batch norms into evaluation mode, out of which each epoch takes them."""
        if runner.epoch < self.begin:
            return
        if batch_idx == 0 and runner.epoch == self.begin:
            print_log(f'statistics of {len(self._norms)} batch norms are frozen', logger='current')
        for norm in self._norms:
            norm.eval()
