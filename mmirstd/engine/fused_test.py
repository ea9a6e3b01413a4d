"""`mim test` with the model that inference runs."""

from __future__ import annotations

from copy import deepcopy

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmirstd.models.fuse import prepare_for_inference
from mmirstd.registry import HOOKS


@HOOKS.register_module()
class FusedTestHook(Hook):
    """Test with a fused copy of the model, which is faster and predicts the same.

    Validation during training keeps the model as it is. The hook acts after all others, so that
    the copy holds the weights that an averaging hook puts in place, and gives the model back
    after the test.

    Args:
        enabled: False tests the model as it was trained.
    """

    priority = 'VERY_LOW'

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._trained: nn.Module | None = None

    def before_test_epoch(self, runner: Runner) -> None:
        """Put the fused copy in the place of the model."""
        if not self.enabled:
            return
        self._trained = runner.model
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        runner.model = prepare_for_inference(deepcopy(model))

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Give the model back."""
        del metrics
        if self._trained is not None:
            runner.model, self._trained = self._trained, None
