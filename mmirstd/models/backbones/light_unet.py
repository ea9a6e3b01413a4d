"""A plain residual U-Net at the cost of the tiny SimIRSTD, to compare with a model with queries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.backbones.stride_one_resnet import StrideOneResNet
from mmirstd.models.layers.residual import residual_stage
from mmirstd.registry import MODELS


@MODELS.register_module()
class LightUNet(IRSTDBackbone):
    """`StrideOneResNet` and a decoder of residual blocks with additive skips. Our own design.

    A 1x1 convolution with BN gives a deeper map the width of the skip; the map is then upsampled
    bilinearly and added. This costs a third of the concatenation in the classic U-Net.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the levels; the last one is the bottom.
        blocks: Residual blocks of the encoder's levels.
        decoder_blocks: Residual blocks of the decoder's levels, finest first.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        Decoder maps, coarse to fine, the last one at stride 1.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        channels: Sequence[int] = (16, 32, 48, 64, 48),
        blocks: Sequence[int] = (1, 1, 1, 1, 1),
        decoder_blocks: Sequence[int] = (1, 1, 1, 1),
        init_cfg: dict | list | None = None,
    ) -> None:
        if len(decoder_blocks) != len(channels) - 1:
            raise ValueError(
                f'decoder_blocks={tuple(decoder_blocks)} must have one entry less than '
                f'channels={tuple(channels)}'
            )
        super().__init__(in_channels, size_multiple=2 ** (len(channels) - 1), init_cfg=init_cfg)
        self.encoder = StrideOneResNet(in_channels, channels=channels, blocks=blocks)
        self.laterals = nn.ModuleList(
            Conv2dNormActivation(deep, shallow, 1, activation_layer=None)
            for shallow, deep in pairwise(channels)
        )
        self.decoder = nn.ModuleList(
            residual_stage(count, width, width)
            for count, width in zip(decoder_blocks, channels, strict=False)
        )
        self.out_channels = tuple(channels[-2::-1])

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        *skips, x = self.encoder(image)
        maps = []
        for lateral, stage in zip(self.laterals[::-1], self.decoder[::-1], strict=True):
            skip = skips.pop()
            up = F.interpolate(lateral(x), skip.shape[-2:], mode='bilinear', align_corners=False)
            x = stage(F.relu_(up.add_(skip)))
            maps.append(x)
        return tuple(maps)
