"""FC3-Net: Feature Compensation and Cross-level Correlation (Zhang et al., ACM MM 2022)."""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.attention_gates import SpatialAttention
from mmirstd.registry import MODELS

_FastNorm = partial(nn.BatchNorm2d, momentum=0.2)


def _conv(inputs: int, outputs: int, stride: int = 1) -> Conv2dNormActivation:
    return Conv2dNormActivation(inputs, outputs, 3, stride=stride, norm_layer=_FastNorm, bias=True)


def _pointwise(inputs: int, outputs: int, *, norm: type | partial = _FastNorm) -> nn.Module:
    return Conv2dNormActivation(inputs, outputs, 1, norm_layer=norm, bias=True)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)


class FineCoarseBranch(nn.Module):
    """Three parallel streams; the middle one receives from the fine and from the coarse one.

    Args:
        channels: Channels of the fine stream; the middle one has twice, the coarse one four
            times as many.
        middle_order: Which of the middle blocks runs at each of the six steps.
    """

    exchanges = 3
    steps_per_exchange = 2

    def __init__(self, channels: int, middle_order: Sequence[int] = (0, 1, 2, 3, 4, 5)) -> None:
        super().__init__()
        steps = self.exchanges * self.steps_per_exchange
        self.middle_order = tuple(middle_order)
        self.fine = nn.ModuleList(_conv(channels, channels) for _ in range(steps))
        self.middle = nn.ModuleList(
            _conv(2 * channels, 2 * channels) for _ in range(max(middle_order) + 1)
        )
        self.coarsen = _conv(2 * channels, 4 * channels, 2)
        self.coarse = nn.ModuleList(_conv(4 * channels, 4 * channels) for _ in range(steps))
        self.down = nn.ModuleList(_conv(channels, 2 * channels, 2) for _ in range(self.exchanges))
        self.up = nn.ModuleList(
            _pointwise(4 * channels, 2 * channels) for _ in range(self.exchanges)
        )

    def forward(self, fine: Tensor, middle: Tensor) -> tuple[Tensor, Tensor]:
        """Refine ``fine`` (N, C, h, w) and ``middle`` (N, 2C, h / 2, w / 2)."""
        coarse = self.coarsen(middle)
        for step, block in enumerate(self.middle_order):
            fine = self.fine[step](fine)
            middle = self.middle[block](middle)
            coarse = self.coarse[step](coarse)
            exchange, rest = divmod(step + 1, self.steps_per_exchange)
            if rest == 0:
                middle = (
                    middle + self.down[exchange - 1](fine) + self.up[exchange - 1](_double(coarse))
                )
        return fine, middle


class CrossLevelCorrelation(nn.Module):
    """Cross-level feature correlation: weight three levels, gate the middle one by the high one.

    Args:
        channels: Channels of the low level; the others have twice and four times as many.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(1)) for _ in range(3))
        self.high = _pointwise(4 * channels, channels, norm=nn.BatchNorm2d)
        self.middle = _pointwise(2 * channels, channels, norm=nn.BatchNorm2d)
        self.gate = SpatialAttention(kernel_size=3)

    def forward(self, low: Tensor, middle: Tensor, high: Tensor) -> Tensor:
        """(N, C, h, w) from maps of strides 1, 2 and 4 relative to ``low``."""
        middle, high = self.middle(middle), self.high(high)
        low_weight, high_weight, middle_weight = self.weights
        total = (
            low_weight * low
            + high_weight * F.interpolate(high, scale_factor=4, mode='nearest')
            + middle_weight * F.interpolate(middle, scale_factor=2, mode='nearest')
            + low
        )
        gate = F.interpolate(self.gate(high), scale_factor=2, mode='nearest')
        return total + F.interpolate(middle * gate, scale_factor=2, mode='nearest')


@MODELS.register_module()
class FC3Net(IRSTDBackbone):
    """FC3-Net up to the map that its head reads.

    The released code never applies one middle block of the third branch and applies another one
    twice (see ``middle_order``). We do the same, but leave out the unused weights.

    Args:
        in_channels: Channels of the image.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        The two deeper levels and the correlated map: 64, 32, 16 channels at strides 8, 4, 2.
    """

    out_channels = (64, 32, 16)

    def __init__(self, in_channels: int = 3, *, init_cfg: dict | list | None = None) -> None:
        super().__init__(in_channels, size_multiple=32, init_cfg=init_cfg)
        self.stem = nn.Sequential(
            _FastNorm(in_channels),
            _conv(in_channels, 32, 2),
            _conv(32, 32),
            Conv2dNormActivation(32, 16, 1, norm_layer=_FastNorm, bias=False),
        )
        self.levels = nn.ModuleList([_conv(16, 32, 2), _conv(32, 64, 2), _conv(64, 128, 2)])
        self.branches = nn.ModuleList(
            [
                FineCoarseBranch(16),
                FineCoarseBranch(32),
                FineCoarseBranch(64, middle_order=(0, 1, 2, 3, 3, 4)),
            ]
        )
        self.top_down = nn.ModuleList([_pointwise(128, 64), _pointwise(64, 32), _pointwise(32, 16)])
        self.correlation = CrossLevelCorrelation(16)

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        maps = [self.stem(image)]
        for level in self.levels:
            maps.append(level(maps[-1]))
        refined: list[Tensor] = []
        for index, branch in enumerate(self.branches):
            fine, middle = branch(maps[index], maps[index + 1])
            if index == 0:
                refined.append(fine)
            refined.append(middle)
        x = refined.pop()
        decoded = []
        for lateral in self.top_down:
            x = lateral(_double(x)) + refined.pop()
            decoded.append(x)
        high, middle, low = decoded
        return high, middle, self.correlation(low, middle, high)
