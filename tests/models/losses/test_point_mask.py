"""Point-sampled BCE and Dice: values by hand, ordering, gradients, ignored pixels."""

import math

import pytest
import torch
from torch import Tensor

from mmirstd.models.losses.point_mask import (
    PointMaskLoss,
    binary_cross_entropy,
    dice,
    sample_points,
    uncertain_points,
)


def square(size: int = 32) -> Tensor:
    labels = torch.zeros(1, size, size, dtype=torch.long)
    labels[:, 10:14, 12:15] = 1
    return labels


def logits_of(labels: Tensor, scale: float = 20.0) -> Tensor:
    return (labels.float() * 2 - 1)[:, None] * scale


def test_values_by_hand() -> None:
    # p = (0.5, 0.75), g = (1, 0): BCE = (ln 2 + ln 4) / 2 and
    # Dice = 1 - (2 * 0.5 + 1) / (1.25 + 1 + 1).
    logits = torch.tensor([[0.0, math.log(3.0)]])
    targets, valid = torch.tensor([[1.0, 0.0]]), torch.ones(1, 2)
    torch.testing.assert_close(
        binary_cross_entropy(logits, targets, valid), torch.tensor([1.5 * math.log(2)])
    )
    torch.testing.assert_close(dice(logits, targets, valid), torch.tensor([1 - 2 / 3.25]))


def test_weights_scale_the_parts() -> None:
    labels, logits = square(), torch.zeros(1, 1, 32, 32)
    one = PointMaskLoss(bce_weight=1, dice_weight=1, num_points=None).components(logits, labels)
    five = PointMaskLoss(bce_weight=5, dice_weight=2, num_points=None).components(logits, labels)
    torch.testing.assert_close(one['bce'], torch.tensor(math.log(2)))
    torch.testing.assert_close(five['bce'], 5 * one['bce'])
    torch.testing.assert_close(five['dice'], 2 * one['dice'])


@pytest.mark.parametrize('num_points', [None, 2000])
def test_perfect_is_best_and_inverted_worst(num_points: int | None) -> None:
    torch.manual_seed(0)
    labels = square()
    loss = PointMaskLoss(num_points=num_points)
    perfect = loss(logits_of(labels), labels)
    empty = loss(torch.full((1, 1, 32, 32), -20.0), labels)
    inverted = loss(logits_of(1 - labels), labels)
    assert perfect < empty / 2 < inverted / 4


def test_image_without_target() -> None:
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    loss = PointMaskLoss(num_points=None)
    assert loss(torch.full((1, 1, 32, 32), -20.0), labels) < 1e-4
    assert loss(torch.full((1, 1, 32, 32), 20.0), labels) > 50


def test_gradient_is_the_derivative() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 9, dtype=torch.float64, requires_grad=True)
    targets, valid = torch.rand(2, 9).double(), (torch.rand(2, 9) > 0.3).double()
    assert torch.autograd.gradcheck(lambda x: binary_cross_entropy(x, targets, valid), logits)
    assert torch.autograd.gradcheck(lambda x: dice(x, targets, valid), logits)


def test_ignored_pixels_do_not_count() -> None:
    labels = square()
    ignored = labels.clone()
    ignored[:, 20:] = 255
    wrong_there = logits_of(labels)
    wrong_there[..., 20:, :] *= -1
    loss = PointMaskLoss(num_points=None)
    torch.testing.assert_close(loss(wrong_there, ignored), loss(logits_of(labels), ignored))
    assert torch.isfinite(loss(wrong_there, torch.full_like(labels, 255)))
    torch.manual_seed(0)
    sampled = PointMaskLoss(num_points=2000)
    assert sampled(wrong_there, ignored) < sampled(wrong_there, labels) / 5
    assert torch.isfinite(sampled(wrong_there, torch.full_like(labels, 255)))


def test_255_as_target_is_an_error_that_names_the_fix() -> None:
    labels = square() * 254
    with pytest.raises(ValueError, match=r'found 254: binarise masks with mmirstd\.LoadMask'):
        PointMaskLoss()(logits_of(square()), labels)


def test_points_are_sampled_where_the_mask_is_undecided() -> None:
    torch.manual_seed(0)
    logits = torch.full((1, 1, 64, 64), -10.0)
    logits[..., 24:40, 24:40] = 0.0
    points = uncertain_points(logits, 4000, 3.0, 0.75)
    assert points.shape == (1, 4000, 2)
    assert points.min() >= 0
    assert points.max() <= 1
    near = ((points * 64 - 32).abs() < 9).all(-1).float().mean()
    uniform = uncertain_points(logits, 4000, 1.0, 0.0)
    assert near > 2.5 * ((uniform * 64 - 32).abs() < 9).all(-1).float().mean()


def test_sampling_reads_pixel_centres() -> None:
    maps = torch.arange(12.0).view(1, 1, 3, 4)
    points = torch.tensor([[[(2 + 0.5) / 4, (1 + 0.5) / 3]]])
    assert sample_points(maps, points).item() == 6


def test_resolution_of_the_logits_does_not_matter() -> None:
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    labels[:, 8:24, 8:24] = 1
    coarse = logits_of(labels[:, ::2, ::2])
    for num_points in (None, 4000):
        torch.manual_seed(0)
        assert PointMaskLoss(num_points=num_points)(coarse, labels) < 3


def test_stock_heads_may_call_it() -> None:
    labels = square()
    loss = PointMaskLoss()
    assert loss(logits_of(labels), labels, weight=None, ignore_index=255).dim() == 0
    with pytest.raises(ValueError, match='remove the pixel sampler'):
        loss(logits_of(labels), labels, weight=torch.ones(1))


def test_wrong_ratios_are_named() -> None:
    with pytest.raises(ValueError, match=r'oversample_ratio=0\.5'):
        PointMaskLoss(oversample_ratio=0.5)
