"""Residual U-block: a small U-Net inside a residual connection (Qin et al., U2-Net, 2020).

Shapes: N batch, C channels, h/w feature map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation


def resize_like(x: Tensor, reference: Tensor) -> Tensor:
    """``x`` (N, C, h, w) bilinearly resized to the height and width of ``reference``."""
    if x.shape[-2:] == reference.shape[-2:]:
        return x
    return F.interpolate(x, size=reference.shape[-2:], mode='bilinear', align_corners=False)


def halve(x: Tensor) -> Tensor:
    """``x`` (N, C, h, w) max-pooled by 2; an odd last row or column gets its own cell."""
    return F.max_pool2d(x, 2, ceil_mode=True)


class ResidualUBlock(nn.Module):
    """RSU of U2-Net: pooled (RSU-7 to RSU-4) or dilated (RSU-4F).

    Args:
        in_channels: Channels of the input.
        hidden: Channels inside the U.
        channels: Channels of the output.
        levels: Depth L of the U.
        dilated: Keep the resolution and dilate by 1, 2, 4, ... instead of pooling.
    """

    def __init__(
        self, in_channels: int, hidden: int, channels: int, levels: int, *, dilated: bool = False
    ) -> None:
        super().__init__()
        self.dilated = dilated
        dilations = [2**level if dilated else 1 for level in range(levels)]
        if not dilated:
            dilations[-1] = 2

        def conv(inputs: int, outputs: int, dilation: int) -> Conv2dNormActivation:
            return Conv2dNormActivation(inputs, outputs, 3, dilation=dilation, bias=True)

        self.entry = conv(in_channels, channels, 1)
        self.encoder = nn.ModuleList(
            conv(hidden if level else channels, hidden, dilation)
            for level, dilation in enumerate(dilations)
        )
        self.decoder = nn.ModuleList(
            conv(2 * hidden, hidden if level else channels, dilations[level])
            for level in range(levels - 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, h, w) -> (N, channels, h, w)."""
        entry = self.entry(x)
        x = entry
        skips: list[Tensor] = []
        last = len(self.encoder) - 1
        for level, conv in enumerate(self.encoder):
            # The last level only dilates, also in the pooled variant.
            if 0 < level < last and not self.dilated:
                x = halve(x)
            x = conv(x)
            skips.append(x)
        x = skips.pop()
        for conv in reversed(self.decoder):
            skip = skips.pop()
            x = conv(torch.cat([resize_like(x, skip), skip], dim=1))
        return x + entry
