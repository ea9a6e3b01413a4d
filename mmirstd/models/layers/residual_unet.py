"""The small residual encoder of the ACM family and its U-shaped decoder.

ACM, ALCNet and ISNet share it. Shapes: N batch, C channels, H/W image.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.layers.residual import residual_stage
from mmirstd.wording import format_count


class ResidualEncoder(nn.Module):
    """Input BN, a stem of 3x3 convolutions and three residual stages.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the stem and of the three stages.
        blocks: Residual blocks of each stage.
        tiny: Keep the resolution in the stem, which is a single convolution then.
        affine_input_norm: Whether the BN on the image scales and shifts.

    Attributes:
        stride: Stride of the deepest map.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        blocks: Sequence[int],
        *,
        tiny: bool = False,
        affine_input_norm: bool = True,
    ) -> None:
        super().__init__()
        stem_channels, *stages = channels
        if len(blocks) != len(stages):
            raise ValueError(
                f'channels={tuple(channels)} has a stem and '
                f'{format_count(len(stages), "stage")}, but blocks={tuple(blocks)} has '
                f'{format_count(len(blocks), "entry", "entries")}.'
            )
        convs: list[nn.Module]
        if tiny:
            convs = [Conv2dNormActivation(in_channels, stages[0], bias=False)]
        else:
            convs = [
                Conv2dNormActivation(in_channels, stem_channels, stride=2, bias=False),
                Conv2dNormActivation(stem_channels, stem_channels, bias=False),
                Conv2dNormActivation(stem_channels, stages[0], bias=False),
                nn.MaxPool2d(3, 2, 1),
            ]
        self.input_norm = nn.BatchNorm2d(in_channels, affine=affine_input_norm)
        self.stem = nn.Sequential(*convs)
        inputs = [stages[0], *stages[:-1]]
        self.stages = nn.ModuleList(
            residual_stage(count, before, after, stride=2 if index else 1)
            for index, (count, before, after) in enumerate(zip(blocks, inputs, stages, strict=True))
        )
        self.stride = (1 if tiny else 4) * 2 ** (len(stages) - 1)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Maps of the stages, shallow to deep, for ``image`` (N, in_channels, H, W)."""
        x = self.stem(self.input_norm(image))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class ResidualUNetDecoder(nn.Module):
    """Transposed convolution, fusion with the skip, residual blocks; from deep to shallow.

    Args:
        channels: Channels of the encoder's maps, shallow to deep.
        fusions: One module per level from deep to shallow, called with (upsampled, skip), both
            (N, C, h, w).
        blocks: Residual blocks at each level, shallow to deep; None for none.
    """

    def __init__(
        self,
        channels: Sequence[int],
        fusions: Sequence[nn.Module],
        blocks: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        deep_first = list(channels)[::-1]
        self.upsample = nn.ModuleList(
            nn.ConvTranspose2d(deep, shallow, 4, 2, 1) for deep, shallow in pairwise(deep_first)
        )
        self.fusions = nn.ModuleList(fusions)
        self.stages = nn.ModuleList(
            nn.Identity() if blocks is None else residual_stage(blocks[level], width, width)
            for level, width in reversed(list(enumerate(channels[:-1])))
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The deepest map and one decoded map per level, deep to shallow."""
        *skips, x = maps
        decoded = [x]
        for upsample, fusion, stage in zip(self.upsample, self.fusions, self.stages, strict=True):
            x = stage(fusion(upsample(x), skips.pop()))
            decoded.append(x)
        return decoded
