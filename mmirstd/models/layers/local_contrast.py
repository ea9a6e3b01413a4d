"""Local contrast of feature maps and the fusion that goes with it in ALCNet.

Letters: N batch, C channels, h/w feature map.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.layers.attention_gates import bottleneck_gate
from mmirstd.models.layers.neighbours import opposite_differences


def dilated_local_contrast(x: Tensor, distance: int) -> Tensor:
    """How far every place stands out from its eight neighbours at ``distance``, both ways.

    The differences to opposite neighbours are multiplied, the smallest of the four products
    counts. Neighbours beyond the border come from the other side (cyclic shift).

    Args:
        x: (N, C, h, w).
        distance: In cells of the map.

    Returns:
        (N, C, h, w).
    """
    pairs = opposite_differences(x, distance, cyclic=True)
    return torch.stack([one * other for one, other in pairs]).amin(dim=0)


def multiscale_local_contrast(x: Tensor, distances: Sequence[int]) -> Tensor:
    """The largest `dilated_local_contrast` over several distances."""
    return torch.stack([dilated_local_contrast(x, each) for each in distances]).amax(dim=0)


class BottomUpFusion(nn.Module):
    """Bottom-up local attentional modulation, BLAM (Dai et al., TGRS 2021, Sec. III-C).

    The shallow map says place by place what of the deep map matters.

    Args:
        channels: C of the shallow map and of the result.
        high_channels: Channels of the deep map.
        reduction: The gate has C // reduction hidden channels.
    """

    def __init__(self, channels: int, high_channels: int, *, reduction: int = 4) -> None:
        super().__init__()
        self.high = Conv2dNormActivation(high_channels, channels, 1, bias=True)
        self.gate = bottleneck_gate(channels, channels // reduction, pooled=False)

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """Fuse deep ``high`` and shallow ``low``, both (N, ., h, w), to (N, C, h, w)."""
        return low + self.gate(low) * self.high(high)
