"""RDIAN: Receptive-field and Direction-Induced Attention Network (Sun et al., TGRS 2023)."""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.attention_gates import CBAM
from mmirstd.models.layers.local_contrast import direction_gate
from mmirstd.registry import MODELS

_Conv = partial(Conv2dNormActivation, activation_layer=nn.LeakyReLU)


class BottleneckBlock(nn.Module):
    """Two convolutions through fewer channels, plus the input; no activation after the sum.

    Args:
        channels: Channels of input and output.
        hidden: Channels between the convolutions.
        kernel_size: Odd side of both kernels.
    """

    def __init__(self, channels: int, hidden: int, kernel_size: int) -> None:
        super().__init__()
        self.reduce = _Conv(channels, hidden, kernel_size)
        self.expand = _Conv(hidden, channels, kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, h, w) -> the same shape."""
        return x + self.expand(self.reduce(x))


@MODELS.register_module()
class RDIAN(IRSTDBackbone):
    """Branches of several kernel sizes on features that are gated by directional differences.

    Height and width may have any size. The direction kernels of the original are constants; here
    they are differences of shifted images (`direction_gate`).

    Args:
        in_channels: Channels of the image.
        width: Channels of the first convolution; the trunk has twice as many.
        kernel_sizes: Side of the kernels of each branch.
        blocks: `BottleneckBlock` modules of each branch.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        The trunk's map at stride 2 and the map at full resolution, 32 channels each.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        width: int = 16,
        kernel_sizes: Sequence[int] = (1, 3, 5, 7),
        blocks: Sequence[int] = (1, 2, 2, 2),
        init_cfg: dict | list | None = None,
    ) -> None:
        if len(kernel_sizes) != len(blocks):
            raise ValueError(
                f'kernel_sizes={tuple(kernel_sizes)} and blocks={tuple(blocks)} must have one '
                'entry per branch.'
            )
        super().__init__(in_channels, init_cfg=init_cfg)
        trunk = 2 * width
        self.entry = _Conv(in_channels, width)
        self.reduce = _Conv(width, trunk, stride=2)
        self.branches = nn.ModuleList(
            nn.Sequential(*(BottleneckBlock(trunk, width, size) for _ in range(count)))
            for size, count in zip(kernel_sizes, blocks, strict=True)
        )
        self.fuse = _Conv(len(blocks) * trunk, trunk)
        self.attention = CBAM(
            trunk, reduction=trunk, bias=True, norm=partial(nn.BatchNorm2d, momentum=0.01)
        )
        self.shortcut = _Conv(width, trunk, 1)
        self.out_channels = (trunk, trunk)

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        fine = self.entry(image)
        x = self.reduce(fine + fine * direction_gate(image))
        x = self.fuse(torch.cat([branch(x) for branch in self.branches], dim=1))
        x = self.attention(x)
        grown = F.interpolate(x, size=image.shape[-2:], mode='bilinear', align_corners=False)
        return x, F.relu(grown + self.shortcut(fine))
