import math
import zlib

import numpy as np
import pytest
import torch

from mmirstd.models.losses.sls_iou import SLSIoULoss, location_loss, scale_weight
from mmirstd.models.losses.soft_iou import SoftIoULoss


@pytest.fixture
def label() -> torch.Tensor:
    label = torch.zeros(2, 8, 8, dtype=torch.long)
    label[0, 2:4, 2:4] = 1
    label[1, 5, 6] = 1
    return label


@pytest.mark.parametrize('corner', [(48, 48), (20, 70)])
def test_the_location_is_met_without_finding_a_target(corner) -> None:
    """Why MSHNet warms up without it: a flat dark map of the target's mass is a minimum."""
    y, x = corner
    label = torch.zeros(1, 96, 96, dtype=torch.long)
    label[0, y : y + 4, x : x + 4] = 1
    share = label.float().mean()
    flat = torch.full((1, 1, 96, 96), torch.logit(share).item(), requires_grad=True)
    half = torch.zeros(1, 1, 96, 96)
    loss = SLSIoULoss()
    assert loss(half, label) - loss(flat, label) > 0.85  # most of the loss is gone ...
    assert SLSIoULoss(location_weight=0)(flat, label) > 0.999  # ... and nothing is found
    empty = torch.full((1, 1, 96, 96), -25.0, requires_grad=True)
    loss(empty, label).backward()
    assert empty.grad.abs().max() < 1e-6  # from here no way leads back


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
    short, long = (math.hypot(side / 16, 1e-4) for side in (0.5, 0.75))
    expected = 1 - short / long + 4 / math.pi**2 * (math.pi / 2) ** 2
    assert location_loss(probability, target).item() == pytest.approx(expected, rel=1e-5)
    assert location_loss(target, target).item() == pytest.approx(0, abs=1e-6)


def test_the_floor_decides_for_small_targets():
    """A 3x3 target in the centre of 256x256: its point is as long as the root of the floor."""
    target = torch.zeros(1, 256, 256)
    target[0, 127:130, 127:130] = 1
    coordinate = 9 * 0.5 / 256**2
    length, half = (math.hypot(share * coordinate * 2**0.5, 1e-4) for share in (1, 0.5))
    assert location_loss(0.5 * target, target).item() == pytest.approx(1 - half / length, abs=1e-3)
    nothing = 1 - 1e-4 / length + 4 / math.pi**2 * (math.pi / 4) ** 2
    assert location_loss(0 * target, target).item() == pytest.approx(nothing, abs=1e-3)
    assert nothing < 0.6  # without the floor it is 1.25


def stream(name: str) -> torch.Tensor:
    """Standard normal numbers that depend on a name alone."""
    generator = np.random.Generator(np.random.PCG64([zlib.crc32(name.encode()), 0]))
    return torch.from_numpy(generator.standard_normal((3, 1, 32, 48)).astype(np.float32))


def test_equals_the_authors_code():
    """The expected numbers were computed by the released code (epochs 5 and 6 of its loss)."""
    logits = stream('logits').requires_grad_()
    label = (stream('target') > 2).squeeze(1).long()
    label[2] = 0
    assert label.sum(dim=(1, 2)).tolist() == [31, 46, 0]

    loss = SLSIoULoss()(logits, label)
    loss.backward()
    assert loss.item() == pytest.approx(2.036037, abs=2e-6)
    assert logits.grad.abs().sum().item() == pytest.approx(0.054876, abs=1e-6)
    location = location_loss(logits.detach().squeeze(1).sigmoid(), label.float()).mean()
    assert location.item() == pytest.approx(1.051821, abs=2e-6)
    overlap = SLSIoULoss(location_weight=0)(logits, label)
    assert overlap.item() == pytest.approx(0.984216, abs=2e-6)
    warm_up = SoftIoULoss(smooth=0.0, per_image=True)(logits, label)
    assert warm_up.item() == pytest.approx(0.984130, abs=2e-6)


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
