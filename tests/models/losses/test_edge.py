import pytest
import torch

from mmirstd.models.layers.gradient import gradient_magnitude
from mmirstd.models.losses.edge import EdgeLoss


@pytest.fixture
def label() -> torch.Tensor:
    label = torch.zeros(2, 9, 9, dtype=torch.long)
    label[0, 3:6, 3:6] = 1
    return label


def edge_logits(label: torch.Tensor, confidence: float) -> torch.Tensor:
    edges = gradient_magnitude(label[:, None].float()).clamp(max=1)
    return confidence * (2 * (edges > 0.5).float() - 1)


def test_gradient_of_a_point_is_a_cross():
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 2] = 1
    gradient = gradient_magnitude(image)[0, 0]
    expected = torch.full((5, 5), 1e-3)
    for row, column in ((1, 2), (3, 2), (2, 1), (2, 3)):
        expected[row, column] = (1 + 1e-6) ** 0.5
    torch.testing.assert_close(gradient, expected)


def test_hand_computed():
    logits = torch.zeros(1, 1, 3, 3)
    label = torch.zeros(1, 3, 3, dtype=torch.long)
    label[0, 1, 1] = 1
    # Four edge pixels of value 1, five of 1e-3; the probability is 1/2 everywhere.
    total = 4 + 5e-3
    iou = (total / 2 + 1) / (4.5 + total - total / 2 + 1)
    expected = 10 * torch.log(torch.tensor(2.0)).item() + 1 - iou
    assert EdgeLoss()(logits, label).item() == pytest.approx(expected, rel=1e-4)


def test_double_sigmoid_moves_probabilities_to_the_upper_half():
    logits = torch.full((1, 1, 3, 3), -30.0)
    label = torch.zeros(1, 3, 3, dtype=torch.long)
    single = EdgeLoss(bce_weight=0)(logits, label).item()
    double = EdgeLoss(bce_weight=0, double_sigmoid=True)(logits, label).item()
    assert single < 0.02
    assert double > 0.7, 'the released loss cannot reach zero'


def test_perfect_is_better_than_unsure_is_better_than_inverted(label):
    loss = EdgeLoss()
    perfect, unsure, inverted = (
        loss(edge_logits(label, confidence), label).item() for confidence in (8.0, 0.0, -8.0)
    )
    assert perfect < unsure < inverted


def test_gradient_is_correct(label):
    logits = torch.randn(2, 1, 9, 9, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: EdgeLoss()(x, label), logits)


def test_unknown_pixels_and_their_neighbours_do_not_count(label):
    label[:, 0, 0] = 255
    logits = torch.randn(2, 1, 9, 9)
    changed = logits.clone()
    changed[:, :, :2, :2] += 5
    loss = EdgeLoss()
    assert loss(logits, label).item() == pytest.approx(loss(changed, label).item())
    unknown = loss(logits, torch.full_like(label, 255))
    assert unknown.item() == 0
