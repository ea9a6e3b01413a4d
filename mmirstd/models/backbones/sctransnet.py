"""SCTransNet: Spatial-channel Cross Transformer Network (Yuan et al., TGRS 2024)."""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.channel_cross_attention import CrossLevelTransformer
from mmirstd.models.layers.residual import ResidualBlock
from mmirstd.models.layers.u_net import double_conv, pooled_encoder_maps
from mmirstd.registry import MODELS

_EncoderBlock = partial(ResidualBlock, bias=True, activation=nn.LeakyReLU)


class ChannelGatedFusion(nn.Module):
    """Gate the channels of the skip by skip and decoder map, then apply two convolutions.

    Args:
        skip_channels: Channels of the skip and of the decoder's map.
        channels: Channels of the result.
    """

    def __init__(self, skip_channels: int, channels: int) -> None:
        super().__init__()
        self.skip_gate = nn.Linear(skip_channels, skip_channels)
        self.decoder_gate = nn.Linear(skip_channels, skip_channels)
        self.convs = double_conv(2 * skip_channels, channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, channels, h, w) from ``x`` (N, C, h / 2, w / 2) and ``skip`` (N, C, h, w)."""
        x = F.interpolate(x, scale_factor=2, mode='nearest')
        gate = self.skip_gate(skip.mean(dim=(2, 3))) + self.decoder_gate(x.mean(dim=(2, 3)))
        skip = F.relu(skip * torch.sigmoid(gate / 2)[:, :, None, None])
        return self.convs(torch.cat([skip, x], dim=1))


@MODELS.register_module()
class SCTransNet(IRSTDBackbone):
    """Residual U-Net whose skips pass through a transformer over the channels of all levels.

    As in the released code, a skip counts twice in the sum with the output of the transformer.

    Args:
        in_channels: Channels of the image.
        width: Channels of the first level; the deeper ones have 2, 4 and 8 times as many.
        blocks: Blocks of the transformer.
        init_cfg: See `IRSTDBackbone`.

    Returns:
        The bottom and the decoder's maps: 256, 128, 64, 32, 32 channels at strides 16, 8, 4, 2,
        1.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        width: int = 32,
        blocks: int = 4,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, size_multiple=16, init_cfg=init_cfg)
        skips = [width, 2 * width, 4 * width, 8 * width]
        inputs: Sequence[int] = [in_channels, *skips]
        self.encoder = nn.ModuleList(
            _EncoderBlock(before, after)
            for before, after in zip(inputs, [*skips, skips[-1]], strict=True)
        )
        self.transformer = CrossLevelTransformer(skips, (16, 8, 4, 2), blocks)
        self.decoder = nn.ModuleList(
            [
                ChannelGatedFusion(skips[3], skips[2]),
                ChannelGatedFusion(skips[2], skips[1]),
                ChannelGatedFusion(skips[1], skips[0]),
                ChannelGatedFusion(skips[0], skips[0]),
            ]
        )
        self.out_channels = (skips[3], skips[2], skips[1], skips[0], skips[0])

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        *skips, deepest = pooled_encoder_maps(image, self.encoder)
        maps = [deepest]
        skips = [
            2 * skip + change for skip, change in zip(skips, self.transformer(skips), strict=True)
        ]
        for fuse in self.decoder:
            maps.append(fuse(maps[-1], skips.pop()))
        return tuple(maps)
