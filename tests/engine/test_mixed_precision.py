"""bfloat16 training on the CPU, where MMEngine refuses to build its wrapper."""

import pytest
import torch
from mmengine.device import get_device
from mmengine.registry import OPTIM_WRAPPERS as ROOT_OPTIM_WRAPPERS
from mmengine.registry import DefaultScope, init_default_scope
from torch import nn

from mmirstd.engine.mixed_precision import AmpOptimWrapper

pytestmark = pytest.mark.skipif(get_device() != 'cpu', reason='describes a machine without one')


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Conv2d(1, 1, 3)


def make(model: nn.Module, **arguments) -> AmpOptimWrapper:
    return AmpOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1), **arguments)


def test_forward_is_bfloat16_and_weights_stay_float32(model):
    wrapper = make(model, clip_grad={'max_norm': 0.01})
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        output = model(torch.ones(1, 1, 5, 5))
    assert output.dtype == torch.bfloat16
    wrapper.update_params(output.float().square().mean())
    assert model.weight.dtype == torch.float32
    change = (model.weight - before).norm()
    assert 0 < change <= 0.1 * 0.01 * 1.001  # lr * max_norm: the gradient was clipped


def test_gradients_accumulate(model):
    wrapper = make(model, accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 4)
    before = model.weight.detach().clone()
    for index in range(2):
        with wrapper.optim_context(model):
            loss = model(torch.ones(1, 1, 5, 5)).float().mean()
        wrapper.update_params(loss)
        assert torch.equal(model.weight, before) == (index == 0)


def test_checkpoints_move_between_cpu_and_gpu(model):
    wrapper = make(model)
    state = wrapper.state_dict()
    assert 'loss_scaler' not in state  # a GPU would refuse an empty one
    wrapper.load_state_dict({**state, 'loss_scaler': {'scale': 65536.0, 'growth_factor': 2.0}})


@pytest.mark.parametrize('dtype', ['float16', torch.float16, 'float64'])
def test_other_types_are_refused(model, dtype):
    with pytest.raises(ValueError, match='the CPU computes in bfloat16'):
        make(model, dtype=dtype)


def test_the_flag_amp_finds_it():
    """`--amp` writes the plain type name into a config of scope mmseg."""
    init_default_scope('mmseg')
    try:
        with ROOT_OPTIM_WRAPPERS.switch_scope_and_registry(None) as registry:
            assert registry.get('AmpOptimWrapper') is AmpOptimWrapper
    finally:
        DefaultScope._instance_dict.clear()
