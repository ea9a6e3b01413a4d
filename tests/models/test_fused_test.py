"""`mim test` runs a fused copy and gives the trained model back."""

import copy
from types import SimpleNamespace

import torch
from mmengine.hooks import EMAHook
from mmengine.model import ExponentialMovingAverage
from mmengine.registry import init_default_scope
from model_tester import CONFIGS, build_model
from torch import nn

from mmirstd.engine import FusedTestHook
from mmirstd.models.logits import predict_logits


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def test_the_test_runs_a_fused_copy_with_the_averaged_weights() -> None:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = build_model(
        CONFIGS / 'simirstd_synthetic.py', **{'model.backbone.backbone.depths': (1, 1, 1, 1)}
    ).eval()
    state = copy.deepcopy(model.state_dict())
    averaged = copy.deepcopy(model)
    for parameter in averaged.parameters():
        nn.init.normal_(parameter, std=0.1)
    runner = SimpleNamespace(model=model)
    average = EMAHook()
    average.src_model, average.ema_model = model, ExponentialMovingAverage(averaged)
    average.enabled_by_epoch, average.enabled_by_iter = True, True
    hooks = sorted([FusedTestHook(), average], key=lambda hook: hook.priority != 'NORMAL')
    image = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        expected = predict_logits(averaged, image)
        for hook in hooks:
            hook.before_test_epoch(runner)
        assert norms(runner.model) == 0 < norms(model)
        got = predict_logits(runner.model, image)
        for hook in hooks:
            hook.after_test_epoch(runner, {})
    assert (got - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert runner.model is model
    off = FusedTestHook(enabled=False)
    off.before_test_epoch(runner)
    assert runner.model is model
    off.after_test_epoch(runner, {})
    assert runner.model is model
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key]), key
