"""Multi-scale atrous contrast of HDNet (TGRS 2025).

Shapes: N batch, C channels, h/w feature map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation


def _kernel(centre: float, surround: float) -> Tensor:
    kernel = torch.full((1, 1, 3, 3), surround)
    kernel[..., 1, 1] = centre
    return kernel


def _depthwise(channels: int, dilation: int, kernel: Tensor) -> nn.Conv2d:
    conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=channels)
    with torch.no_grad():
        conv.weight.copy_(kernel.expand_as(conv.weight))
    return conv


class AtrousContrastBlock(nn.Module):
    """Contrast at growing distance for three quarters of the channels, one after the other.

    The first quarter is passed on. The depthwise kernels are initialised as differences to the
    surroundings and are trained.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output, a multiple of 4.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        if channels % 4:
            raise ValueError(f'channels={channels} must be a multiple of 4: it is split into four.')
        quarter = channels // 4
        self.entry = nn.Sequential(nn.Conv2d(in_channels, channels, 1), nn.BatchNorm2d(channels))
        self.near = nn.Sequential(
            _depthwise(quarter, 1, _kernel(1, -1 / 8)), nn.BatchNorm2d(quarter), nn.ReLU()
        )
        self.far = nn.Sequential(
            _depthwise(quarter, 2, _kernel(1, -1 / 8)), nn.BatchNorm2d(quarter), nn.ReLU()
        )
        self.centre = _depthwise(quarter, 1, _kernel(1 / 9, 1 / 9))
        self.ring = _depthwise(quarter, 2, _kernel(0, -1 / 8))
        self.centre_to_ring = nn.Sequential(nn.BatchNorm2d(quarter), nn.ReLU())
        self.post = Conv2dNormActivation(channels, channels, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, h, w) -> (N, channels, h, w)."""
        x = self.entry(x)
        same, first, second, third = x.chunk(4, dim=1)
        near = self.near(first)
        far = self.far(second + near)
        third = third + far
        ring = self.centre_to_ring(self.centre(third) + self.ring(third))
        return F.relu(self.post(torch.cat([same, near, far, ring], dim=1)) + x)
