"""A narrow ResNet that keeps the resolution of the image in its first stage."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmirstd.models.backbones.stagewise import StageWise
from mmirstd.models.layers.residual import ResidualBlock, residual_stage
from mmirstd.registry import MODELS

# CPUs and tensor cores convolve fastest in the channels-last layout, which later layers keep. With
# narrower maps, the backward pass of a strided 1x1 convolution in PyTorch 2.14 corrupts memory.
_NARROWEST = 16


@MODELS.register_module()
class StrideOneResNet(StageWise, BaseModule):
    """Residual stages at strides 1, 2, 4, ...: the encoder of the tiny models. Our own design.

    Targets of one to nine pixels do not survive early downsampling, so the first block works
    at the resolution of the image. By default, widths are multiples of 16, the block size of CPU
    kernels: a width of 12 would cost as much.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the stages, at least two.
        blocks: Residual blocks of the stages; a stage starts with its downsampling block.

    Raises:
        ValueError: ``channels`` and ``blocks`` differ in length, or an entry is not positive.
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        channels: Sequence[int] = (16, 32, 48, 64, 48),
        blocks: Sequence[int] = (1, 1, 1, 1, 1),
    ) -> None:
        super().__init__()
        if len(channels) != len(blocks) or len(channels) < 2:
            raise ValueError(
                f'channels={tuple(channels)} and blocks={tuple(blocks)} must have one entry per '
                'stage, and there must be at least two stages'
            )
        if min(*channels, *blocks) < 1:
            raise ValueError(
                f'channels={tuple(channels)} and blocks={tuple(blocks)} must be positive'
            )
        self.channels = self.entry_channels = list(channels)
        self.strides = list(accumulate([1] + [2] * (len(channels) - 1), lambda a, b: a * b))
        self.entries = nn.ModuleList(
            ResidualBlock(before, after, stride=2 if index else 1)
            for index, (before, after) in enumerate(
                zip([in_channels, *channels[:-1]], channels, strict=True)
            )
        )
        self.stages = nn.ModuleList(
            residual_stage(count - 1, width, width) if count > 1 else nn.Identity()
            for count, width in zip(blocks, channels, strict=True)
        )

    def enter(self, stage: int, x: Tensor) -> Tensor:
        """The first block of a stage: (N, C, h, w) -> (N, C', h, w) or half that size."""
        x = self.entries[stage](x)
        if stage == 0 and self.channels[0] >= _NARROWEST:
            x = x.contiguous(memory_format=torch.channels_last)
        return x

    def blocks(self, stage: int, x: Tensor) -> Tensor:
        """The other blocks of a stage."""
        return self.stages[stage](x)
