"""Run `mim test` with the fused model that inference uses."""

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

    Validation during training does not change the model. The hook acts after all others, so that
    the copy contains the weights that an averaging hook has set, and it restores the model
    after the test.

    Args:
        enabled: False tests the model without fusing it.
    """

    priority = 'VERY_LOW'

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._trained: nn.Module | None = None

    def before_test_epoch(self, runner: Runner) -> None:
        """Replace the model by its fused copy."""
        if not self.enabled:
            return
        self._trained = runner.model
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        runner.model = prepare_for_inference(deepcopy(model))

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Restore the model."""
        del metrics
        if self._trained is not None:
            runner.model, self._trained = self._trained, None
