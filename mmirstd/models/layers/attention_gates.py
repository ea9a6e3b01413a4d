"""Gates in [0, 1] for the channels and positions of a feature map.

Shapes: N batch, C channels, h/w feature map.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ChannelAttention(nn.Module):
    """Channel attention of CBAM (Woo et al., ECCV 2018, Sec. 3.1).

    Args:
        channels: C.
        reduction: The shared two-layer perceptron has C // reduction hidden units, at least one.
        bias: Whether its layers have a bias.
    """

    def __init__(self, channels: int, reduction: int = 16, *, bias: bool = False) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.perceptron = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=bias),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Gate (N, C, 1, 1) for ``x`` (N, C, h, w)."""
        mean = self.perceptron(x.mean(dim=(2, 3), keepdim=True))
        peak = self.perceptron(F.adaptive_max_pool2d(x, 1))  # amax takes 9 times as long on a CPU
        return torch.sigmoid(mean + peak)


class SpatialAttention(nn.Module):
    """Spatial attention of CBAM (Woo et al., ECCV 2018, Sec. 3.2).

    Args:
        kernel_size: Odd side of the convolution over the channel-wise mean and maximum.
        norm: Builds a norm for one channel after the convolution; None for none.
    """

    def __init__(
        self, kernel_size: int = 7, *, norm: Callable[[int], nn.Module] | None = None
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = norm(1) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Gate (N, 1, h, w) for ``x`` (N, C, h, w)."""
        summary = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return torch.sigmoid(self.norm(self.conv(summary)))


class CBAM(nn.Module):
    """Multiply a map by channel attention, then by spatial attention.

    Args:
        channels: C.
        reduction: See `ChannelAttention`.
        kernel_size: See `SpatialAttention`.
        bias: See `ChannelAttention`.
        norm: See `SpatialAttention`.
    """

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        kernel_size: int = 7,
        *,
        bias: bool = False,
        norm: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.channel = ChannelAttention(channels, reduction, bias=bias)
        self.spatial = SpatialAttention(kernel_size, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """Gated map (N, C, h, w)."""
        x = self.channel(x) * x
        return self.spatial(x) * x


def bottleneck_gate(channels: int, hidden: int, *, pooled: bool) -> nn.Sequential:
    """1x1 conv - BN - ReLU - 1x1 conv - BN - sigmoid.

    Args:
        channels: Channels of input and gate.
        hidden: Channels between the two convolutions.
        pooled: Whether the gate is computed from the global average (N, C, 1, 1) or separately at
            every position.

    Returns:
        Layers numbered 0 to 6; layer 0 is the pooling or an identity.
    """
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1) if pooled else nn.Identity(),
        nn.Conv2d(channels, hidden, 1),
        nn.BatchNorm2d(hidden),
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden, channels, 1),
        nn.BatchNorm2d(channels),
        nn.Sigmoid(),
    )
