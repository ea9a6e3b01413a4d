"""MSHNet: Multi-Scale Head for a plain U-Net (Liu et al., CVPR 2024, arXiv:2403.19366)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.backbones.body import IRSTDBody
from mmirstd.models.layers.attention_gates import CBAM
from mmirstd.models.layers.residual import residual_stage
from mmirstd.registry import MODELS


@MODELS.register_module()
class MSHNet(IRSTDBody):
    """Plain U-Net of residual blocks with CBAM.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the levels; the last one is the bottom.
        blocks: Residual blocks of the levels, alike in encoder and decoder.
        init_cfg: See `IRSTDBody`.

    Returns:
        Decoder maps, deep to shallow: 128, 64, 32, 16 channels at strides 8, 4, 2, 1.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        blocks: Sequence[int] = (1, 2, 2, 2, 2),
        init_cfg: dict | list | None = None,
    ) -> None:
        if len(channels) != len(blocks):
            raise ValueError(
                f'channels={tuple(channels)} and blocks={tuple(blocks)} must have one entry per '
                'level.'
            )
        super().__init__(in_channels, size_multiple=2 ** (len(channels) - 1), init_cfg=init_cfg)
        self.entry = nn.Conv2d(in_channels, channels[0], 1)
        inputs = [channels[0], *channels[:-1]]
        self.encoder = nn.ModuleList(
            residual_stage(count, before, after, bias=True, attention=CBAM)
            for count, before, after in zip(blocks, inputs, channels, strict=True)
        )
        self.decoder = nn.ModuleList(
            residual_stage(
                blocks[level],
                channels[level] + channels[level + 1],
                channels[level],
                bias=True,
                attention=CBAM,
            )
            for level in reversed(range(len(channels) - 1))
        )
        self.out_channels = tuple(channels[-2::-1])

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        x = self.entry(image)
        skips: list[Tensor] = []
        for level, stage in enumerate(self.encoder):
            x = stage(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        x = skips.pop()
        maps = []
        for stage in self.decoder:
            x = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=True)
            x = stage(torch.cat([skips.pop(), x], dim=1))
            maps.append(x)
        return tuple(maps)
