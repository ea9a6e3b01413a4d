"""Scale and location sensitive loss of MSHNet (Liu et al., CVPR 2024, Sec. 3.2).

Shapes: N batch, H/W image.
"""

import math

import torch
from torch import Tensor, nn

from mmirstd.models.losses.soft_iou import valid_probabilities
from mmirstd.registry import MODELS


def scale_weight(predicted: Tensor, true: Tensor) -> Tensor:
    """Eq. 2: agreement (N,) of predicted and labelled mass, in [0, 1]; 1 if they are equal.

    Args:
        predicted: Sum of the probabilities of each image (N,).
        true: Sum of the labels of each image (N,).
    """
    variance = ((predicted - true) / 2).square()
    larger = torch.maximum(predicted, true) + variance
    weight = (torch.minimum(predicted, true) + variance) / torch.where(larger > 0, larger, 1.0)
    return torch.where(larger > 0, weight, torch.ones_like(weight))


FLOOR = 1e-8
"""Added under the root of a length and to denominators, as in the authors' code.

The point of a small target is 1e-5 to 1e-4 from the corner. The root of the floor, 1e-4, is as
large as that, so it determines how much the position of such a target counts.
"""


def location_loss(probability: Tensor, target: Tensor) -> Tensor:
    """Eq. 4: distance of two points in polar coordinates, per image (N,).

    The point of a map is the mean over all pixels of position times value, with positions in
    [0, 1). As in the authors' code, it is not divided by the mass, so its length also
    depends on the mass.

    Args:
        probability: (N, H, W) in [0, 1].
        target: (N, H, W) in [0, 1].
    """
    height, width = target.shape[-2:]
    like = {'device': target.device, 'dtype': target.dtype}
    y = torch.arange(height, **like)[:, None] / height
    x = torch.arange(width, **like) / width

    def polar(values: Tensor) -> tuple[Tensor, Tensor]:
        px, py = (values * x).mean(dim=(1, 2)), (values * y).mean(dim=(1, 2))
        return torch.sqrt(px.square() + py.square() + FLOOR), torch.atan(py / (px + FLOOR))

    (predicted_length, predicted_angle), (length, angle) = polar(probability), polar(target)
    ratio = torch.minimum(predicted_length, length) / (
        torch.maximum(predicted_length, length) + FLOOR
    )
    return 1 - ratio + 4 / math.pi**2 * (predicted_angle - angle).square()


@MODELS.register_module()
class SLSIoULoss(nn.Module):
    """``1 - w IoU + location``, averaged over the images.

    Args:
        location_weight: Weight of `location_loss`.
        loss_weight: Weight of this loss.
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
        probability, target = valid_probabilities(logits, label, ignore_index)
        predicted, true = probability.sum(dim=(1, 2)), target.sum(dim=(1, 2))
        intersection = (probability * target).sum(dim=(1, 2))
        union = predicted + true - intersection
        iou = torch.where(union > 0, intersection / torch.where(union > 0, union, 1.0), 1.0)
        loss = 1 - scale_weight(predicted, true) * iou
        loss = loss + self.location_weight * location_loss(probability, target)
        return self.loss_weight * loss.mean()
