"""ISTDU-Net: Infrared Small-Target Detection U-Net (Hou et al., GRSL 2022)."""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from timm.models.resnest import ResNestBottleneck
from timm.models.resnet import downsample_avg
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.external_attention import ExternalAttention
from mmirstd.registry import MODELS

GROUPS = 4


def split_attention_stage(
    blocks: int, in_channels: int, planes: int, stride: int = 1
) -> nn.Sequential:
    """Residual bottlenecks with split attention (ResNeSt; Zhang et al., 2020).

    Args:
        blocks: Number of blocks, at least 1.
        in_channels: Channels of the input.
        planes: Channels inside a block; the output has four times as many.
        stride: Stride of the first block.
    """
    channels = ResNestBottleneck.expansion * planes

    def block(first: bool) -> ResNestBottleneck:
        return ResNestBottleneck(
            in_channels if first else channels,
            planes,
            stride=stride if first else 1,
            downsample=downsample_avg(in_channels, channels, 1, stride) if first else None,
            radix=2,
            cardinality=GROUPS,
            base_width=64 // GROUPS,  # as many channels in all groups together as planes
            avd=True,
        )

    return nn.Sequential(*(block(first=not index) for index in range(blocks)))


@MODELS.register_module()
class ISTDUNet(IRSTDBackbone):
    """ResNeSt encoder at full resolution, external attention on its maps, additive skips.

    Args:
        in_channels: Channels of the image.
        stem_channels: Channels of the convolution on the image.
        planes: Channels inside the blocks of each stage; its map has four times as many.
        blocks: Blocks of each stage.
        memory: Number of memory entries of each external attention.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        Maps of the decoder, deep to shallow: 512, 256, 128, 64 channels at strides 8, 4, 2, 1.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        stem_channels: int = 16,
        planes: Sequence[int] = (16, 32, 64, 128),
        blocks: Sequence[int] = (1, 2, 4, 8),
        memory: int = 64,
        init_cfg: dict | list | None = None,
    ) -> None:
        if len(planes) != len(blocks):
            raise ValueError(
                f'planes={tuple(planes)} and blocks={tuple(blocks)} must have one entry per stage.'
            )
        super().__init__(in_channels, size_multiple=2 ** (len(planes) - 1), init_cfg=init_cfg)
        channels = [ResNestBottleneck.expansion * each for each in planes]
        inputs = [stem_channels, *channels[:-1]]
        self.input_norm = nn.BatchNorm2d(in_channels, affine=False)
        self.stem = Conv2dNormActivation(in_channels, stem_channels)
        self.encoder = nn.ModuleList(
            split_attention_stage(count, before, width, stride=2 if index else 1)
            for index, (count, before, width) in enumerate(zip(blocks, inputs, planes, strict=True))
        )
        self.attention = nn.ModuleList(ExternalAttention(width, memory) for width in channels)
        self.reduce = nn.ModuleList(
            Conv2dNormActivation(deep, shallow, 1) for deep, shallow in pairwise(channels[::-1])
        )
        self.out_channels = tuple(channels[::-1])

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        x = self.stem(self.input_norm(image))
        skips = []
        for stage, attention in zip(self.encoder, self.attention, strict=True):
            x = stage(x)
            skips.append(attention(x))
        maps = [skips.pop()]
        for reduce in self.reduce:
            x = F.interpolate(
                reduce(maps[-1]), scale_factor=2, mode='bilinear', align_corners=False
            )
            maps.append(x + skips.pop())
        return tuple(maps)
