"""BCE and Dice on sampled points (Sec. 4.1, after PointRend and Implicit PointRend).

Shapes: N batch, P points.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.registry import MODELS


def sample_points(maps: Tensor, points: Tensor, mode: str = 'bilinear') -> Tensor:
    """Values (N, C, P) of ``maps`` (N, C, H, W) at ``points`` (N, P, 2), (x, y) in [0, 1]."""
    grid = (2 * points - 1)[:, :, None]
    return F.grid_sample(maps, grid, mode=mode, align_corners=False)[..., 0]


@torch.no_grad()
def uncertain_points(
    logits: Tensor, num_points: int, oversample_ratio: float, importance_ratio: float
) -> Tensor:
    """Draw points, most of them where the mask is uncertain (PointRend, Sec. 3.1).

    Of ``oversample_ratio * num_points`` uniform candidates, the ``importance_ratio * num_points``
    with the smallest absolute logit are kept; the remaining points are drawn uniformly.

    Args:
        logits: (N, 1, H, W).
        num_points: Points per mask, P.
        oversample_ratio: Candidates per point, at least 1.
        importance_ratio: Share of uncertain points, in [0, 1].

    Returns:
        Points (N, P, 2), (x, y) in [0, 1].
    """
    n, device = len(logits), logits.device
    candidates = torch.rand(n, int(num_points * oversample_ratio), 2, device=device)
    uncertainty = -sample_points(logits.float(), candidates)[:, 0].abs()
    important = int(importance_ratio * num_points)
    best = uncertainty.topk(important, dim=1).indices
    kept = candidates.gather(1, best[..., None].expand(-1, -1, 2))
    return torch.cat([kept, torch.rand(n, num_points - important, 2, device=device)], dim=1)


def binary_cross_entropy(logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
    """BCE (N,) of ``logits`` (N, P), averaged over the valid points; targets in [0, 1]."""
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction='none')
    return (loss * valid).sum(1) / valid.sum(1).clamp(min=1)


def dice(logits: Tensor, targets: Tensor, valid: Tensor, smooth: float = 1.0) -> Tensor:
    """Soft Dice loss (N,) of ``logits`` (N, P): ``1 - (2 sum pg + s) / (sum p + sum g + s)``."""
    p, g = logits.sigmoid() * valid, targets * valid
    return 1 - (2 * (p * g).sum(1) + smooth) / (p.sum(1) + g.sum(1) + smooth)


@MODELS.register_module()
class PointMaskLoss(nn.Module):
    """Weighted sum of BCE and Dice on points of the mask.

    Args:
        bce_weight: Weight of BCE: paper 1 (Sec. 4.1), release 5 (default here; the published
            checkpoints were trained with it).
        dice_weight: Weight of Dice: 5 in both.
        num_points: Points per mask (release: 12,544; the paper gives no number). None uses
            every pixel of the label.
        oversample_ratio: See :func:`uncertain_points`.
        importance_ratio: See :func:`uncertain_points`.
        smooth: Smoothing of Dice (release: 1).
        ignore_index: Label of ignored pixels.
        loss_name: Prefix of the logged values.
    """

    def __init__(
        self,
        *,
        bce_weight: float = 5.0,
        dice_weight: float = 5.0,
        num_points: int | None = 12544,
        oversample_ratio: float = 3.0,
        importance_ratio: float = 0.75,
        smooth: float = 1.0,
        ignore_index: int = 255,
        loss_name: str = 'loss_mask',
    ) -> None:
        super().__init__()
        if oversample_ratio < 1 or not 0 <= importance_ratio <= 1:
            raise ValueError(
                f'oversample_ratio={oversample_ratio} must be at least 1 and '
                f'importance_ratio={importance_ratio} in [0, 1]'
            )
        self.bce_weight, self.dice_weight = bce_weight, dice_weight
        self.num_points = num_points
        self.oversample_ratio, self.importance_ratio = oversample_ratio, importance_ratio
        self.smooth, self.ignore_index, self.loss_name = smooth, ignore_index, loss_name

    def forward(
        self,
        logits: Tensor,
        labels: Tensor,
        weight: Tensor | None = None,
        ignore_index: int | None = None,
    ) -> Tensor:
        """Sum of :meth:`components`, with the signature that stock MMSeg heads expect.

        Args:
            logits: (N, 1, h, w).
            labels: (N, H, W).
            weight: Pixel weights of an MMSeg sampler; must be None.
            ignore_index: Overrides the configured one.
        """
        if weight is not None:
            raise ValueError('PointMaskLoss samples its own points: remove the pixel sampler')
        return sum(self.components(logits, labels, ignore_index).values())

    def components(
        self, logits: Tensor, labels: Tensor, ignore_index: int | None = None
    ) -> dict[str, Tensor]:
        """Compare a mask with its label.

        Args:
            logits: (N, 1, h, w), of any resolution: points are sampled in relative coordinates.
            labels: (N, H, W) with values 0, 1 and the ignored one.
            ignore_index: Overrides the configured one.

        Returns:
            ``{'bce': ..., 'dice': ...}``, weighted, each the mean over the batch.

        Raises:
            ValueError: The label contains another value, e.g. 255 for targets.
        """
        bce, overlap = self.per_mask(logits, labels, ignore_index)
        return {
            'bce': self.bce_weight * bce.mean(),
            'dice': self.dice_weight * overlap.mean(),
        }

    def per_mask(
        self, logits: Tensor, labels: Tensor, ignore_index: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """BCE and Dice loss (N,) of every mask, without weights; see :meth:`components`."""
        ignored = self.ignore_index if ignore_index is None else ignore_index
        valid = labels != ignored
        targets = torch.where(valid, labels, 0)
        if not torch.compiler.is_compiling() and targets.max() > 1:
            raise ValueError(
                f'labels must be 0, 1 or {ignored} (ignored), found {targets.max().item()}: '
                'binarise masks with mmirstd.LoadMask or mmirstd.BinarizeMask'
            )
        targets, valid = targets[:, None].float(), valid[:, None].float()
        logits = logits.float()
        if self.num_points is None:
            if logits.shape[-2:] != targets.shape[-2:]:
                logits = F.interpolate(logits, targets.shape[-2:], mode='bilinear')
        else:
            points = uncertain_points(
                logits, self.num_points, self.oversample_ratio, self.importance_ratio
            )
            logits, targets = sample_points(logits, points), sample_points(targets, points)
            # Points lie between pixels: one counts only if no ignored pixel contributes to it.
            valid = (sample_points(1 - valid, points) < 1e-6).float()
        logits, targets, valid = logits.flatten(1), targets.flatten(1), valid.flatten(1)
        bce = binary_cross_entropy(logits, targets, valid)
        return bce, dice(logits, targets, valid, self.smooth)
