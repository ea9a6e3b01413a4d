"""Soft IoU loss: one minus the intersection over union of probabilities and labels.

Shapes: N batch, H/W image.
"""

import torch
from torch import Tensor, nn

from mmirstd.registry import MODELS


def valid_probabilities(
    logits: Tensor, label: Tensor, ignore_index: int = 255
) -> tuple[Tensor, Tensor]:
    """Probabilities and labels in [0, 1], both zero where the label is ignored.

    Args:
        logits: (N, 1, H, W) or (N, H, W).
        label: (N, H, W) with 0 background, 1 target, ``ignore_index`` ignored.
        ignore_index: Label of ignored pixels.

    Returns:
        Two tensors (N, H, W), float32 or float64.

    Raises:
        ValueError: The sizes differ or a label is neither 0, 1 nor ``ignore_index``.
    """
    if logits.dim() == 4:
        logits = logits.squeeze(1)
    if logits.shape != label.shape:
        raise ValueError(
            f'logits {tuple(logits.shape)} and label {tuple(label.shape)} must agree; the label '
            'is (N, H, W) and the model has one output channel.'
        )
    known = label != ignore_index
    target = torch.where(known, label, torch.zeros_like(label))
    if target.numel() and not 0 <= target.min() <= target.max() <= 1:
        raise ValueError(
            f'labels must be 0, 1 or {ignore_index} (unknown), got values from '
            f'{target.min().item()} to {target.max().item()}; map mask values such as 255 to 1 '
            'when loading.'
        )
    # Half precision overflows in sums over a batch of pixels.
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return logits.sigmoid() * known, target.to(logits.dtype)


def soft_iou_loss(
    probability: Tensor, target: Tensor, *, smooth: float = 1.0, per_image: bool = False
) -> Tensor:
    """1 - (sum(p t) + smooth) / (sum(p) + sum(t) - sum(p t) + smooth).

    Args:
        probability: p (N, H, W) in [0, 1].
        target: t (N, H, W) in [0, 1].
        smooth: Added to both sums.
        per_image: Sum over each image and average, instead of summing over the whole batch.

    Returns:
        A scalar, 0 for a perfect match. An empty union without ``smooth`` is a perfect match.
    """
    dims = (1, 2) if per_image else (0, 1, 2)
    intersection = (probability * target).sum(dim=dims)
    union = probability.sum(dim=dims) + target.sum(dim=dims) - intersection + smooth
    empty = union <= 0
    iou = (intersection + smooth) / torch.where(empty, torch.ones_like(union), union)
    return torch.where(empty, torch.zeros_like(iou), 1 - iou).mean()


@MODELS.register_module()
class SoftIoULoss(nn.Module):
    """`soft_iou_loss` of logits, without ignored pixels.

    Introduced by Rahman and Wang (ISVC 2016) and used by ACM, DNANet and ISNet.

    Args:
        smooth: See `soft_iou_loss`. ACM and DNANet use 1, ISNet 0.
        per_image: See `soft_iou_loss`. ACM and DNANet sum over the batch.
        loss_weight: Weight of this loss.
        loss_name: Key in the log; must start with ``loss_``.
    """

    def __init__(
        self,
        *,
        smooth: float = 1.0,
        per_image: bool = False,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_soft_iou',
    ) -> None:
        super().__init__()
        self.smooth = smooth
        self.per_image = per_image
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self, logits: Tensor, label: Tensor, *, ignore_index: int = 255, **_: object
    ) -> Tensor:
        """Loss of logits (N, 1, H, W) against labels (N, H, W); other arguments are not used."""
        probability, target = valid_probabilities(logits, label, ignore_index)
        return self.loss_weight * soft_iou_loss(
            probability, target, smooth=self.smooth, per_image=self.per_image
        )
