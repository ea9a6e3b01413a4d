import math

import pytest
import torch

from mmirstd.models.losses.sls_iou import SLSIoULoss, location_loss, scale_weight


@pytest.fixture
def label() -> torch.Tensor:
    label = torch.zeros(2, 8, 8, dtype=torch.long)
    label[0, 2:4, 2:4] = 1
    label[1, 5, 6] = 1
    return label


def logits_of(label: torch.Tensor, confidence: float) -> torch.Tensor:
    return (confidence * (2.0 * label - 1))[:, None]


def test_scale_weight_by_hand():
    # P = 3, T = 1: variance 1, (1 + 1) / (3 + 1).
    weight = scale_weight(torch.tensor([3.0, 2.0, 0.0]), torch.tensor([1.0, 2.0, 0.0]))
    assert weight.tolist() == pytest.approx([0.5, 1.0, 1.0])


def test_location_by_hand():
    probability = torch.zeros(1, 4, 4)
    target = torch.zeros(1, 4, 4)
    probability[0, 0, 2] = 1  # point (0.5, 0) / 16
    target[0, 3, 0] = 1  # point (0, 0.75) / 16
    expected = 1 - 0.5 / 0.75 + 4 / math.pi**2 * (math.pi / 2) ** 2
    assert location_loss(probability, target).item() == pytest.approx(expected, rel=1e-5)
    assert location_loss(target, target).item() == pytest.approx(0, abs=1e-6)


def test_perfect_is_better_than_unsure_is_better_than_inverted(label):
    loss = SLSIoULoss()
    perfect, unsure, inverted = (
        loss(logits_of(label, confidence), label).item() for confidence in (20.0, 0.0, -20.0)
    )
    assert perfect == pytest.approx(0, abs=1e-4)
    assert perfect < unsure < inverted


def test_gradient_is_correct(label):
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 8, 8, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: SLSIoULoss()(x, label), logits)


def test_empty_target_and_unknown_image_stay_finite():
    for label in (torch.zeros(1, 4, 4).long(), torch.full((1, 4, 4), 255)):
        logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
        loss = SLSIoULoss()(logits, label)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(logits.grad).all()


def test_unknown_pixels_do_not_count(label):
    logits = torch.randn(2, 1, 8, 8)
    changed = logits.clone()
    label[:, 0] = 255
    changed[:, :, 0] += 5
    assert SLSIoULoss()(logits, label).item() == pytest.approx(SLSIoULoss()(changed, label).item())
