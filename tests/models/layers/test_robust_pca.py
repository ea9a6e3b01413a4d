"""Parts of RPCANet and RPCANet++ by hand."""

import pytest
import torch

from mmirstd.models.layers.conv_lstm import ConvLSTMCell
from mmirstd.models.layers.robust_pca import (
    BackgroundStep,
    DecompositionStage,
    GatedCentralDifference,
    TargetStep,
)


def zeroed(module: torch.nn.Module) -> torch.nn.Module:
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    return module


def test_memory_by_hand():
    """All convolutions zero: gates are their biases."""
    cell = zeroed(ConvLSTMCell(1))
    with torch.no_grad():
        for gate, value in zip(('forget', 'input', 'output'), (1.0, -1.0, 2.0), strict=True):
            cell.from_input[gate].bias.fill_(value)
        cell.from_hidden['candidate'].bias.fill_(0.5)
        hidden, memory = cell(torch.zeros(1, 1, 1, 1), (torch.ones(1, 1, 1, 1),) * 2)
    expected = torch.tensor(1.0).sigmoid() + torch.tensor(-1.0).sigmoid() * torch.tensor(0.5).tanh()
    assert memory.item() == pytest.approx(expected.item())
    assert hidden.item() == pytest.approx((torch.tensor(2.0).sigmoid() * expected.tanh()).item())


def test_the_first_cell_has_neither_states_nor_a_tanh():
    cell = zeroed(ConvLSTMCell(1, initial=True))
    with torch.no_grad():
        cell.from_input['candidate'].bias.fill_(3.0)
        hidden, memory = cell(torch.zeros(1, 1, 1, 1), None)
    assert memory.item() == pytest.approx(0.5 * torch.tensor(3.0).tanh().item())
    assert hidden.item() == pytest.approx(0.5 * memory.item())
    assert {name.split('.')[1] for name, _ in cell.named_parameters()} == {
        'input',
        'output',
        'candidate',
    }


@torch.no_grad()
def test_a_full_gate_ignores_brightness():
    layer = GatedCentralDifference(8, 5).eval()
    layer.gate = torch.nn.Identity()
    layer.gate.forward = lambda x: torch.ones_like(x[..., :1, :1])
    x = torch.randn(1, 8, 12, 12)
    inside = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(layer(x + 7)[inside], layer(x)[inside], atol=1e-4, rtol=1e-4)
    assert layer(torch.full_like(x, 5.0))[inside].abs().max() < 1e-4


@torch.no_grad()
def test_untrained_operators_leave_the_image_to_the_background():
    stage = DecompositionStage(zeroed(BackgroundStep()), TargetStep()).eval()
    zeroed(stage.target.direction)
    image, target = torch.randn(1, 1, 6, 6), torch.randn(1, 1, 6, 6)
    result, states = stage(image, target, None)
    assert states is None
    torch.testing.assert_close(result.background, image - target)
    torch.testing.assert_close(result.target, 2 * target)  # target + image - background


def test_the_step_has_a_length_of_a_hundredth():
    step = TargetStep(layers=1)
    x = torch.randn(1, 1, 6, 6)
    torch.testing.assert_close(step(x), x - 0.01 * step.direction(x))
