"""The distillation loss, Eq. 1: L_DIS = L_BCE + lambda (L_DICE + L_KL + L_CD).

The final outputs, the pairs of the Hungarian matching, are compared on sampled points by BCE
and Dice. The intermediate outputs, all 6 x N masks before the matching, are compared by two KL
divergences (Sec. 3.2): the spatial one compares the distributions over masks at each pixel (Hinton
et al., 2015), the channel-wise one the distributions over pixels in each mask (Shu et al., 2021).

The paper does not state the targets of BCE and Dice, the masks of the spatial softmax, and
both temperatures. They are options of :class:`DistillationLoss`.

Shapes: B batch, N prompts, G granularities per prompt (6), n pairs, P points, h/w mask size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mmirstd.models.losses.point_mask import (
    binary_cross_entropy,
    dice,
    sample_points,
    uncertain_points,
)
from mmirstd.registry import MODELS

TargetKind = Literal['hard', 'soft']
TERMS = ('bce', 'dice', 'kl', 'cd')


def mask_target(teacher: Tensor, kind: TargetKind) -> Tensor:
    """Target of the student from teacher logits: ``'hard'`` 1[t > 0], ``'soft'`` sigmoid(t)."""
    return (teacher > 0).to(teacher.dtype) if kind == 'hard' else teacher.sigmoid()


def bce_loss(
    student: Tensor, teacher: Tensor, valid: Tensor, target: TargetKind = 'hard'
) -> Tensor:
    """Binary cross-entropy of final masks, averaged over the points, then over the pairs.

    Logits and ``valid`` are (n, P); ``valid`` is 0 in padding. With the target ``'soft'`` the
    minimum is the entropy of the teacher and is reached for equal logits.
    """
    return binary_cross_entropy(student, mask_target(teacher, target), valid).mean()


def dice_loss(
    student: Tensor,
    teacher: Tensor,
    valid: Tensor,
    target: TargetKind = 'hard',
    smooth: float = 1.0,
) -> Tensor:
    """Soft Dice loss of final masks, averaged over the pairs; see :func:`bce_loss`."""
    return dice(student, mask_target(teacher, target), valid, smooth).mean()


def spatial_kl(
    student: Tensor,
    teacher: Tensor,
    *,
    temperature: float = 1.0,
    group: Literal['prompt', 'image'] = 'prompt',
    valid: Tensor | None = None,
) -> Tensor:
    """KL(teacher || student) of the softmax over masks at every pixel, times temperature squared.

    It compares which granularity contains a pixel. It is zero for logits that are equal up to
    one constant per pixel.

    Args:
        student: Logits (B, N, G, h, w).
        teacher: Logits (B, N, G, h, w).
        temperature: 1, as in Hinton et al.'s loss for dense prediction; not stated in the paper.
        group: The softmax runs over the G masks of each ``'prompt'``, which preserves the relation
            among granularities as in the paper, or over all N G masks of the ``'image'``.
        valid: (B, h, w) bool, False in padding; None for all pixels.

    Returns:
        Mean over valid pixels and groups.
    """
    student, teacher = (_at_least_float32(x) / temperature for x in (student, teacher))
    if group == 'image':
        student, teacher = (x.flatten(1, 2)[:, None] for x in (student, teacher))
    log_s, log_t = student.log_softmax(2), teacher.log_softmax(2)
    divergence = (log_t.exp() * (log_t - log_s)).sum(2)
    if valid is None:
        return temperature**2 * divergence.mean()
    weight = valid[:, None].to(divergence.dtype)
    pixels = weight.sum() * divergence.shape[1]
    return temperature**2 * (divergence * weight).sum() / pixels.clamp(min=1)


def channel_kl(
    student: Tensor, teacher: Tensor, *, temperature: float = 4.0, valid: Tensor | None = None
) -> Tensor:
    """KL(teacher || student) of the softmax over the pixels of every mask, times temperature^2.

    Channel-wise knowledge distillation: it compares where a mask is strongest. It is zero for
    logits that are equal up to one constant per mask. Shapes are those of :func:`spatial_kl`. The
    temperature 4 is the value of Shu et al.; the paper does not state it.

    Returns:
        Mean over the B N G masks.
    """
    student, teacher = (_at_least_float32(x).flatten(3) / temperature for x in (student, teacher))
    if valid is not None:
        padding = ~valid.flatten(1)[:, None, None]
        student, teacher = (x.masked_fill(padding, -torch.inf) for x in (student, teacher))
    log_s, log_t = student.log_softmax(3), teacher.log_softmax(3)
    difference = log_t - log_s
    if valid is not None:
        difference = difference.masked_fill(padding, 0.0)  # otherwise -inf minus -inf
    return temperature**2 * (log_t.exp() * difference).sum(3).mean()


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


@MODELS.register_module()
class DistillationLoss(nn.Module):
    """Eq. 1, with options for everything that the paper does not state.

    Args:
        weight: lambda, 5 in the paper (Sec. 4.1).
        terms: Parts of Eq. 1 to use, for ablations.
        bce_target: ``'hard'`` compares with the thresholded teacher mask, ``'soft'`` with its
            probability. The paper does not state it.
        dice_target: As ``bce_target``. ``'hard'``, because Dice of soft targets is smallest for a
            hard student mask.
        kl_group: See :func:`spatial_kl`.
        kl_temperature: Temperature of the spatial KL.
        cd_temperature: Temperature of the channel-wise KL.
        num_points: Points per mask for BCE and Dice (Semantic-SAM trains with 12,544; the paper
            gives no number). None compares all pixels.
        oversample_ratio: Candidates per point, see
            :func:`mmirstd.models.losses.point_mask.uncertain_points`.
        importance_ratio: Share, in [0, 1], of points where the student is uncertain.

    Raises:
        ValueError: An argument is out of range; the message names it.
    """

    def __init__(
        self,
        weight: float = 5.0,
        *,
        terms: Sequence[str] = TERMS,
        bce_target: TargetKind = 'hard',
        dice_target: TargetKind = 'hard',
        kl_group: Literal['prompt', 'image'] = 'prompt',
        kl_temperature: float = 1.0,
        cd_temperature: float = 4.0,
        num_points: int | None = 12544,
        oversample_ratio: float = 3.0,
        importance_ratio: float = 0.75,
    ) -> None:
        super().__init__()
        if unknown := set(terms) - set(TERMS):
            raise ValueError(f'terms={tuple(terms)}: {sorted(unknown)} must be among {TERMS}')
        if not terms:
            raise ValueError(f'terms is empty: give at least one of {TERMS}')
        for name, value, known in (
            ('bce_target', bce_target, ('hard', 'soft')),
            ('dice_target', dice_target, ('hard', 'soft')),
            ('kl_group', kl_group, ('prompt', 'image')),
        ):
            if value not in known:
                raise ValueError(f'{name}={value!r} must be one of {known}')
        if min(kl_temperature, cd_temperature) <= 0:
            raise ValueError(f'{kl_temperature=} and {cd_temperature=} must be positive')
        if oversample_ratio < 1 or not 0 <= importance_ratio <= 1:
            raise ValueError(
                f'oversample_ratio={oversample_ratio} must be at least 1 and '
                f'importance_ratio={importance_ratio} in [0, 1]'
            )
        self.weight, self.terms = weight, tuple(terms)
        self.bce_target, self.dice_target = bce_target, dice_target
        self.kl_group = kl_group
        self.kl_temperature, self.cd_temperature = kl_temperature, cd_temperature
        self.num_points = num_points
        self.oversample_ratio, self.importance_ratio = oversample_ratio, importance_ratio

    @property
    def needs_logits(self) -> bool:
        """Whether the loss needs teacher logits instead of thresholded masks."""
        soft = {'bce': self.bce_target == 'soft', 'dice': self.dice_target == 'soft'}
        return any(soft.get(term, True) for term in self.terms)

    def forward(
        self,
        student: Tensor,
        teacher: Tensor,
        final: Tensor | None = None,
        valid: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Compare student and teacher masks of the same prompts.

        Args:
            student: Logits (B, N, G, h, w).
            teacher: Logits (B, N, G, h, w).
            final: (B, N, G) bool, True for the matched masks (S_final and T_final); None for all.
            valid: (B, h, w) bool, False in padding; None for all pixels.

        Returns:
            The weighted terms as ``'loss_bce'``, ``'loss_dice'``, ``'loss_kl'``, ``'loss_cd'``.
        """
        if student.shape != teacher.shape:
            raise ValueError(
                f'student masks {tuple(student.shape)} and teacher masks {tuple(teacher.shape)} '
                'must have the same shape: same prompts, same size'
            )
        teacher = teacher.detach()
        losses: dict[str, Tensor] = {}
        if 'bce' in self.terms or 'dice' in self.terms:
            losses |= self._final(student, teacher, final, valid)
        if 'kl' in self.terms:
            divergence = spatial_kl(
                student, teacher, temperature=self.kl_temperature, group=self.kl_group, valid=valid
            )
            losses['loss_kl'] = self.weight * divergence
        if 'cd' in self.terms:
            divergence = channel_kl(student, teacher, temperature=self.cd_temperature, valid=valid)
            losses['loss_cd'] = self.weight * divergence
        return losses

    def _final(
        self, student: Tensor, teacher: Tensor, final: Tensor | None, valid: Tensor | None
    ) -> dict[str, Tensor]:
        """BCE and Dice on the points of the selected masks."""
        if final is None:
            final = torch.ones(student.shape[:3], dtype=torch.bool, device=student.device)
        if valid is None:
            valid = torch.ones_like(student[:, 0, 0], dtype=torch.bool)
        image = final.nonzero()[:, 0]
        if not len(image):  # no match: a zero that keeps the graph of the student
            kept = [name for name in ('bce', 'dice') if name in self.terms]
            return {f'loss_{name}': student.sum() * 0 for name in kept}
        s, t = (_at_least_float32(x[final])[:, None] for x in (student, teacher))
        v = valid[image][:, None].to(s.dtype)
        if self.num_points is not None:
            points = uncertain_points(
                s.detach(), self.num_points, self.oversample_ratio, self.importance_ratio
            ).to(s.dtype)
            s, t = sample_points(s, points), sample_points(t, points)
            v = sample_points(v, points, mode='nearest')
        s, t, v = s.flatten(1), t.flatten(1), v.flatten(1)
        losses = {}
        if 'bce' in self.terms:
            losses['loss_bce'] = bce_loss(s, t, v, self.bce_target)
        if 'dice' in self.terms:
            losses['loss_dice'] = self.weight * dice_loss(s, t, v, self.dice_target)
        return losses
