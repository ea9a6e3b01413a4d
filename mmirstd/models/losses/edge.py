"""Loss of ISNet's edge branch (Zhang et al., CVPR 2022, Sec. 3.4)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.layers.gradient import gradient_magnitude
from mmirstd.models.losses.soft_iou import soft_iou_loss, valid_probabilities
from mmirstd.registry import MODELS


@MODELS.register_module()
class EdgeLoss(nn.Module):
    """BCE and soft IoU between predicted edges and the gradient of the label.

    The gradient of a 0/1 label is up to sqrt(2) at corners and 1e-3 in constant areas; it is
    clipped to [0, 1]. Pixels next to ignored ones are ignored, too.

    Args:
        bce_weight: Weight of the binary cross entropy, 10 in the original.
        iou_weight: Weight of the soft IoU, 1 in the original.
        smooth: Smoothing of the soft IoU.
        double_sigmoid: Apply a second sigmoid to the edge probability before the soft IoU, as
            the released code does. Its optimum is then not the label, so it is off by default.
        loss_name: Key in the log.
    """

    def __init__(
        self,
        *,
        bce_weight: float = 10.0,
        iou_weight: float = 1.0,
        smooth: float = 1.0,
        double_sigmoid: bool = False,
        loss_name: str = 'loss_edge',
    ) -> None:
        super().__init__()
        self.bce_weight = bce_weight
        self.iou_weight = iou_weight
        self.smooth = smooth
        self.double_sigmoid = double_sigmoid
        self.loss_name = loss_name

    def forward(
        self, logits: Tensor, label: Tensor, *, ignore_index: int = 255, **_: object
    ) -> Tensor:
        """Loss of edge logits (N, 1, H, W) against mask labels (N, H, W)."""
        _, mask = valid_probabilities(logits, label, ignore_index)
        unknown = (label == ignore_index)[:, None].to(mask.dtype)
        known = F.max_pool2d(unknown, 3, 1, 1)[:, 0] == 0
        edges = gradient_magnitude(mask[:, None])[:, 0].clamp(max=1) * known
        logits = logits.squeeze(1).to(mask.dtype)
        entropy = F.binary_cross_entropy_with_logits(logits, edges, reduction='none')
        bce = (entropy * known).sum() / known.sum().clamp(min=1)
        probability = torch.sigmoid(logits)
        if self.double_sigmoid:
            probability = torch.sigmoid(probability)
        iou = soft_iou_loss(probability * known, edges, smooth=self.smooth, per_image=True)
        return self.bce_weight * bce + self.iou_weight * iou
