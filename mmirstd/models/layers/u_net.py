"""The U-Net structure of most infrared models: pooled encoder, skips, concatenating decoder.

Shapes: N batch, C channels, h/w feature map. Levels count from shallow to deep, decoder stages
from deep to shallow.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.layers.residual import residual_stage
from mmirstd.wording import format_count


def resize_aligned(x: Tensor, scale: float = 2) -> Tensor:
    """``x`` (N, C, h, w) resized bilinearly by ``scale`` with aligned corners."""
    return F.interpolate(x, scale_factor=scale, mode='bilinear', align_corners=True)


def pooled_encoder_maps(image: Tensor, stages: Sequence[nn.Module]) -> list[Tensor]:
    """Outputs of ``stages``, shallow to deep, with 2x2 max pooling between them.

    Args:
        image: (N, C, H, W).
        stages: Modules that keep height and width.
    """
    maps: list[Tensor] = []
    for stage in stages:
        maps.append(stage(F.max_pool2d(maps[-1], 2) if maps else image))
    return maps


def u_net_maps(
    image: Tensor,
    encoder: Sequence[nn.Module],
    upsample: Sequence[Callable[[Tensor], Tensor]],
    decoder: Sequence[nn.Module],
) -> tuple[Tensor, ...]:
    """Deepest map of the encoder and one map per decoder stage, deep to shallow.

    Args:
        image: (N, C, H, W); H and W are multiples of 2 to the power of ``len(decoder)``.
        encoder: Stages that keep height and width, one more than in the decoder.
        upsample: One function per decoder stage that doubles height and width.
        decoder: Stages that receive the skip and the upsampled map, concatenated in this order.
    """
    *skips, x = pooled_encoder_maps(image, encoder)
    maps = [x]
    for grow, stage in zip(upsample, decoder, strict=True):
        maps.append(stage(torch.cat([skips.pop(), grow(maps[-1])], dim=1)))
    return tuple(maps)


def residual_u_net(
    in_channels: int,
    channels: Sequence[int],
    encoder_blocks: Sequence[int],
    decoder_blocks: Sequence[int],
    **block_options: object,
) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Stages of residual blocks for `u_net_maps`.

    Args:
        in_channels: Channels that the first encoder stage reads.
        channels: Channels of the levels, shallow to deep.
        encoder_blocks: Blocks of each level.
        decoder_blocks: Blocks of each level but the deepest, shallow to deep.
        **block_options: Keyword arguments of every `ResidualBlock`.

    Returns:
        Encoder stages, shallow to deep, and decoder stages, deep to shallow.

    Raises:
        ValueError: The number of levels differs.
    """
    if not len(channels) == len(encoder_blocks) == len(decoder_blocks) + 1:
        raise ValueError(
            f'channels={tuple(channels)} has {format_count(len(channels), "level")}, but there '
            f'are blocks for {len(encoder_blocks)} encoder and '
            f'{format_count(len(decoder_blocks), "decoder level")}; the encoder needs one entry '
            'per level, the decoder one per level but the deepest.'
        )
    inputs = [in_channels, *channels[:-1]]
    encoder = nn.ModuleList(
        residual_stage(count, before, after, **block_options)
        for count, before, after in zip(encoder_blocks, inputs, channels, strict=True)
    )
    decoder = nn.ModuleList(
        residual_stage(
            decoder_blocks[level],
            channels[level] + channels[level + 1],
            channels[level],
            **block_options,
        )
        for level in reversed(range(len(channels) - 1))
    )
    return encoder, decoder


def double_conv(in_channels: int, channels: int) -> nn.Sequential:
    """Twice 3x3 conv with bias - BN - ReLU."""
    return nn.Sequential(
        Conv2dNormActivation(in_channels, channels, bias=True),
        Conv2dNormActivation(channels, channels, bias=True),
    )
