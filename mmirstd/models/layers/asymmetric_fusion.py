"""Fusions in which the deep map gates channels and the shallow map gates positions.

Shapes: N batch, C channels, h/w feature map.
"""

import torch
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.layers.attention_gates import SpatialAttention, bottleneck_gate


class AsymmetricFusion(nn.Module):
    """Asymmetric contextual modulation of ACM (Dai et al., WACV 2021, Sec. 3.2).

    The global average of the deep map weights the channels of the shallow map; the shallow map
    weights the deep map at every position.

    Args:
        channels: C of the shallow map and of the result.
        high_channels: Channels of a deep map that a 1x1 conv - BN - ReLU first reduces to C.
            None: the deep map has C channels and is used directly.
        reduction: The gates have C // reduction hidden channels.
    """

    def __init__(
        self, channels: int, high_channels: int | None = None, *, reduction: int = 4
    ) -> None:
        super().__init__()
        hidden = channels // reduction
        self.high: nn.Module = nn.Identity()
        if high_channels is not None:
            self.high = Conv2dNormActivation(high_channels, channels, 1, bias=True)
        self.channel_gate = bottleneck_gate(channels, hidden, pooled=True)
        self.place_gate = bottleneck_gate(channels, hidden, pooled=False)
        self.post = Conv2dNormActivation(channels, channels, 3, bias=True)

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """Fuse deep ``high`` and shallow ``low``, both (N, ., h, w), to (N, C, h, w)."""
        high = self.high(high)
        return self.post(2 * low * self.channel_gate(high) + 2 * high * self.place_gate(low))


class GatedSumFusion(AsymmetricFusion):
    """Asymmetric fusion of AGPCNet (Zhang et al., TAES 2023).

    The layers are those of `AsymmetricFusion`; both gates act on the fused sum of the maps instead
    of each on one map.
    """

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """Fuse deep ``high`` and shallow ``low``, both (N, ., h, w), to (N, C, h, w)."""
        high = self.high(high)
        return self.post(low + high) * self.channel_gate(high) * self.place_gate(low)


class InteractiveCrossFusion(nn.Module):
    """Interactive-cross attention of UIU-Net (Wu, Hong, Chanussot, TIP 2023, Sec. III-C).

    Args:
        channels: C of both inputs.
        reduction: The gates have C // reduction hidden channels.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = channels // reduction
        self.high = Conv2dNormActivation(channels, channels, 1, bias=True)
        self.channel_gate = bottleneck_gate(channels, hidden, pooled=True)
        self.place_gate = nn.Sequential(
            Conv2dNormActivation(channels, hidden, 1, bias=True), SpatialAttention(kernel_size=3)
        )
        self.post = Conv2dNormActivation(channels, channels, 3, bias=True)

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """Fuse the deep ``high`` and the shallow ``low``, both (N, C, h, w), to (N, 2C, h, w)."""
        high = self.high(high)
        gated_low = low * self.channel_gate(high)
        gated_high = high * self.place_gate(gated_low)
        return torch.cat([self.post(2 * gated_low), self.post(2 * gated_high)], dim=1)
