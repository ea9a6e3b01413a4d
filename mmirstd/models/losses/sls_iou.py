"""Scale and location sensitive loss of MSHNet (Liu et al., CVPR 2024, Sec. 3.2).

Letters: N batch, H/W image.
"""

import math

import torch
from torch import Tensor, nn

from mmirstd.models.losses.soft_iou import known_probabilities
from mmirstd.registry import MODELS


def scale_weight(predicted: Tensor, true: Tensor) -> Tensor:
    """Eq. 2: how well two masses agree, in [0, 1]; 1 if they are equal.

    Args:
        predicted: Sum of the probabilities of each image (N,).
        true: Sum of the labels of each image (N,).
    """
    variance = ((predicted - true) / 2).square()
    larger = torch.maximum(predicted, true) + variance
    weight = (torch.minimum(predicted, true) + variance) / torch.where(larger > 0, larger, 1.0)
    return torch.where(larger > 0, weight, torch.ones_like(weight))


def location_loss(probability: Tensor, target: Tensor) -> Tensor:
    """Eq. 4: distance of two points in polar coordinates, per image (N,).

    The point of a map is the mean over all pixels of position times value, with positions from 0
    to 1; it is not divided by the mass, as in the released code, so its length also depends on
    the mass.

    Args:
        probability: (N, H, W) in [0, 1].
        target: (N, H, W) in [0, 1].
    """
    height, width = target.shape[-2:]
    like = {'device': target.device, 'dtype': target.dtype}
    y = torch.arange(height, **like)[:, None] / height
    x = torch.arange(width, **like) / width

    def point(values: Tensor) -> tuple[Tensor, Tensor]:
        return (values * x).mean(dim=(1, 2)), (values * y).mean(dim=(1, 2))

    (px, py), (tx, ty) = point(probability), point(target)
    tiny = torch.finfo(target.dtype).tiny
    predicted_length = torch.sqrt((px.square() + py.square()).clamp_min(tiny))
    true_length = torch.sqrt((tx.square() + ty.square()).clamp_min(tiny))
    ratio = torch.minimum(predicted_length, true_length) / torch.maximum(
        predicted_length, true_length
    )
    # Both points lie in the first quadrant; the offset keeps the angle of (0, 0) defined.
    angle = torch.atan2(py, px + tiny) - torch.atan2(ty, tx + tiny)
    return 1 - ratio + 4 / math.pi**2 * angle.square()


@MODELS.register_module()
class SLSIoULoss(nn.Module):
    """``1 - w IoU + location``, averaged over the images.

    Args:
        location_weight: Weight of `location_loss`.
        loss_weight: Factor.
        loss_name: Key in the log.
    """

    def __init__(
        self,
        *,
        location_weight: float = 1.0,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_sls_iou',
    ) -> None:
        super().__init__()
        self.location_weight = location_weight
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self, logits: Tensor, label: Tensor, *, ignore_index: int = 255, **_: object
    ) -> Tensor:
        """Loss of logits (N, 1, H, W) against labels (N, H, W)."""
        probability, target = known_probabilities(logits, label, ignore_index)
        predicted, true = probability.sum(dim=(1, 2)), target.sum(dim=(1, 2))
        intersection = (probability * target).sum(dim=(1, 2))
        union = predicted + true - intersection
        iou = torch.where(union > 0, intersection / torch.where(union > 0, union, 1.0), 1.0)
        loss = 1 - scale_weight(predicted, true) * iou
        loss = loss + self.location_weight * location_loss(probability, target)
        return self.loss_weight * loss.mean()
