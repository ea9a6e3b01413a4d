"""Each part of Eq. 1: values by hand, zeros, gradients, padding."""

import math

import pytest
import torch
from torch import Tensor

from mmirstd.distillation.losses import (
    DistillationLoss,
    bce_loss,
    channel_kl,
    dice_loss,
    spatial_kl,
)

LN2, LN3 = math.log(2), math.log(3)


def random_masks(seed: int, shape: tuple[int, ...] = (2, 3, 6, 4, 5)) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_bce_by_hand():
    # Teacher logits ln 3 and -ln 3: hard targets 1 and 0, soft targets 3/4 and 1/4. The student
    # says 1/2 and 3/4.
    student, teacher = torch.tensor([[0.0, LN3]]), torch.tensor([[LN3, -LN3]])
    ones = torch.ones(1, 2)
    torch.testing.assert_close(
        bce_loss(student, teacher, ones), torch.tensor((LN2 + math.log(4)) / 2)
    )
    second = -0.25 * math.log(0.75) - 0.75 * math.log(0.25)
    torch.testing.assert_close(
        bce_loss(student, teacher, ones, 'soft'), torch.tensor((LN2 + second) / 2)
    )
    # The second point in padding: only the first counts.
    torch.testing.assert_close(
        bce_loss(student, teacher, torch.tensor([[1.0, 0.0]])), torch.tensor(LN2)
    )


def test_dice_by_hand():
    student, teacher = torch.tensor([[0.0, LN3]]), torch.tensor([[LN3, -LN3]])
    ones = torch.ones(1, 2)
    hard = 1 - (2 * 0.5 + 1) / (0.5 + 0.75 + 1 + 1)
    torch.testing.assert_close(dice_loss(student, teacher, ones), torch.tensor(hard))
    soft = 1 - (2 * (0.5 * 0.75 + 0.75 * 0.25) + 1) / (0.5 + 0.75 + 0.75 + 0.25 + 1)
    torch.testing.assert_close(dice_loss(student, teacher, ones, 'soft'), torch.tensor(soft))


def test_bce_and_dice_vanish_for_equal_decided_masks():
    teacher = torch.tensor([[30.0, -30.0, 30.0]])
    for target in ('hard', 'soft'):
        assert bce_loss(teacher, teacher, torch.ones(1, 3), target) < 1e-6
        assert dice_loss(teacher, teacher, torch.ones(1, 3), target).abs() < 1e-6


def test_soft_bce_is_smallest_for_equal_logits():
    teacher = random_masks(0, (1, 50))
    ones = torch.ones_like(teacher)
    student = teacher.clone().requires_grad_()
    bce_loss(student, teacher, ones, 'soft').backward()
    torch.testing.assert_close(student.grad, torch.zeros_like(teacher))


def test_spatial_kl_by_hand():
    # One prompt, two masks, one pixel: teacher (3/4, 1/4), student (1/2, 1/2).
    teacher = torch.tensor([LN3, 0.0]).view(1, 1, 2, 1, 1)
    student = torch.zeros(1, 1, 2, 1, 1)
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    torch.testing.assert_close(spatial_kl(student, teacher), torch.tensor(expected))
    # At temperature 2, with logits doubled, the same distributions, times 4.
    doubled = spatial_kl(2 * student, 2 * teacher, temperature=2.0)
    torch.testing.assert_close(doubled, torch.tensor(4 * expected))


def test_channel_kl_by_hand():
    # Two masks of two pixels: the first (3/4, 1/4) against (1/2, 1/2), the second equal.
    teacher = torch.tensor([[LN3, 0.0], [5.0, 1.0]]).view(1, 1, 2, 1, 2)
    student = torch.tensor([[0.0, 0.0], [6.0, 2.0]]).view(1, 1, 2, 1, 2)
    expected = (0.75 * math.log(1.5) + 0.25 * math.log(0.5)) / 2
    torch.testing.assert_close(
        channel_kl(student, teacher, temperature=1.0), torch.tensor(expected)
    )
    scaled = channel_kl(4 * student, 4 * teacher)
    torch.testing.assert_close(scaled, torch.tensor(16 * expected))


def test_groups_of_the_spatial_kl():
    student, teacher = random_masks(1), random_masks(2)
    # Over the image: as if all masks belonged to one prompt.
    joined = spatial_kl(student.flatten(1, 2)[:, None], teacher.flatten(1, 2)[:, None])
    torch.testing.assert_close(spatial_kl(student, teacher, group='image'), joined)
    assert spatial_kl(student, teacher) != pytest.approx(float(joined))


@pytest.mark.parametrize('divergence', [spatial_kl, channel_kl])
def test_kl_is_zero_for_equal_and_positive_for_other_masks(divergence):
    teacher = random_masks(3)
    assert divergence(teacher, teacher) == 0
    constant = 3.0 if divergence is channel_kl else random_masks(4, (2, 3, 1, 4, 5))
    assert divergence(teacher + constant, teacher) == pytest.approx(0, abs=1e-12)
    assert divergence(random_masks(5), teacher) > 0.1


@pytest.mark.parametrize('divergence', [spatial_kl, channel_kl])
def test_padding_counts_as_if_cut_off(divergence):
    student, teacher = random_masks(6), random_masks(7)
    valid = torch.zeros(2, 4, 5, dtype=torch.bool)
    valid[:, :3, :4] = True
    cut = divergence(student[..., :3, :4], teacher[..., :3, :4])
    torch.testing.assert_close(divergence(student, teacher, valid=valid), cut)
    student.requires_grad_()
    divergence(student, teacher, valid=valid).backward()
    assert student.grad.isfinite().all()
    assert (student.grad[..., 3:, :] == 0).all()
    assert (student.grad[..., :3, :4] != 0).any()


@pytest.mark.parametrize('target', ['hard', 'soft'])
@pytest.mark.parametrize('loss', [bce_loss, dice_loss])
def test_gradients_of_bce_and_dice(loss, target):
    student, teacher = random_masks(8, (3, 7)).requires_grad_(), random_masks(9, (3, 7))
    valid = torch.ones(3, 7, dtype=torch.float64)
    valid[1, 3:] = 0
    assert torch.autograd.gradcheck(lambda s: loss(s, teacher, valid, target), student)


@pytest.mark.parametrize('padded', [False, True])
@pytest.mark.parametrize('divergence', [spatial_kl, channel_kl])
def test_gradients_of_the_divergences(divergence, padded):
    shape = (2, 2, 3, 2, 3)
    student, teacher = random_masks(10, shape).requires_grad_(), random_masks(11, shape)
    valid = torch.ones(2, 2, 3, dtype=torch.bool)
    valid[1, :, 2] = not padded
    assert torch.autograd.gradcheck(lambda s: divergence(s, teacher, valid=valid), student)


def test_sum_and_weights():
    student, teacher = random_masks(12), random_masks(13)
    parts = DistillationLoss(num_points=None)(student, teacher)
    points = [x.flatten(0, 2).flatten(1) for x in (student, teacher)]
    ones = torch.ones_like(points[0])
    torch.testing.assert_close(parts['loss_bce'], bce_loss(*points, ones))
    torch.testing.assert_close(parts['loss_dice'], 5 * dice_loss(*points, ones))
    torch.testing.assert_close(parts['loss_kl'], 5 * spatial_kl(student, teacher))
    torch.testing.assert_close(parts['loss_cd'], 5 * channel_kl(student, teacher))


def test_only_the_matched_masks_are_final():
    student, teacher = random_masks(14), random_masks(15)
    final = torch.zeros(2, 3, 6, dtype=torch.bool)
    final[0, 1, 4] = final[1, 2, 0] = True
    loss = DistillationLoss(num_points=None, terms=('bce', 'dice'))
    student.requires_grad_()
    parts = loss(student, teacher, final)
    assert parts.keys() == {'loss_bce', 'loss_dice'}
    sum(parts.values()).backward()
    assert (student.grad.flatten(3).abs().sum(3) > 0).equal(final)
    one = bce_loss(student[0, 1, 4].view(1, -1), teacher[0, 1, 4].view(1, -1), torch.ones(1, 20))
    two = bce_loss(student[1, 2, 0].view(1, -1), teacher[1, 2, 0].view(1, -1), torch.ones(1, 20))
    torch.testing.assert_close(parts['loss_bce'], (one + two) / 2)


def test_nothing_matched_gives_zero_with_a_gradient():
    student = random_masks(16).requires_grad_()
    final = torch.zeros(2, 3, 6, dtype=torch.bool)
    parts = DistillationLoss(terms=('bce', 'dice'))(student, random_masks(17), final)
    assert [float(value.detach()) for value in parts.values()] == [0, 0]
    sum(parts.values()).backward()
    assert (student.grad == 0).all()


def test_points_estimate_the_dense_loss_and_half_precision_is_finite():
    shape = (1, 2, 6, 16, 16)
    smooth = torch.nn.functional.interpolate
    student, teacher = (
        smooth(random_masks(seed, (2, 6, 4, 4)), size=16, mode='bilinear').view(shape)
        for seed in (18, 19)
    )
    torch.manual_seed(0)
    dense = DistillationLoss(num_points=None)(student, teacher)
    sampled = DistillationLoss(num_points=4000, importance_ratio=0.0)(student, teacher)
    for name in ('loss_bce', 'loss_dice'):
        assert float(sampled[name]) == pytest.approx(float(dense[name]), rel=0.1)
    halves = DistillationLoss()(30 * student.half(), 30 * teacher.half())
    assert all(value.isfinite() for value in halves.values())
    assert halves['loss_kl'].dtype == torch.float32


def test_teacher_gets_no_gradient():
    student, teacher = random_masks(20).requires_grad_(), random_masks(21).requires_grad_()
    sum(DistillationLoss()(student, teacher).values()).backward()
    assert teacher.grad is None


@pytest.mark.parametrize(
    'argument',
    [
        {'terms': ('bce', 'mse')},
        {'terms': ()},
        {'bce_target': 'firm'},
        {'kl_group': 'batch'},
        {'cd_temperature': 0},
        {'importance_ratio': 2},
    ],
)
def test_wrong_arguments_are_named(argument):
    with pytest.raises(ValueError, match=next(iter(argument))):
        DistillationLoss(**argument)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match='the same shape'):
        DistillationLoss()(random_masks(0), random_masks(0)[:, :2])


def test_which_readings_need_logits():
    assert DistillationLoss().needs_logits
    assert not DistillationLoss(terms=('bce', 'dice')).needs_logits
    assert DistillationLoss(terms=('bce',), bce_target='soft').needs_logits
