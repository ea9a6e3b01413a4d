"""The residual block that most infrared models use."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

_relu = partial(nn.ReLU, inplace=True)


class ResidualBlock(nn.Module):
    """3x3 conv - BN - act - 3x3 conv - BN - attention, plus the shortcut, then act.

    The shortcut is the input itself if the shape does not change, else a 1x1 convolution and BN.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output.
        stride: Stride of the first convolution and of the shortcut.
        bias: Whether the convolutions have a bias although BN follows.
        attention: Builds a gate for ``channels``, for example `CBAM`; None for none.
        activation: Builds the activation, which may overwrite its input.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        stride: int = 1,
        bias: bool = False,
        attention: Callable[[int], nn.Module] | None = None,
        activation: Callable[[], nn.Module] = _relu,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=bias)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=bias)
        self.bn2 = nn.BatchNorm2d(channels)
        self.attention = attention(channels) if attention else nn.Identity()
        self.activation = activation()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=bias),
                nn.BatchNorm2d(channels),
            )

    def residual(self, x: Tensor) -> Tensor:
        """The residual branch (N, channels, h, w), without the shortcut."""
        x = self.activation(self.bn1(self.conv1(x)))
        return self.attention(self.bn2(self.conv2(x)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, h, w) -> (N, channels, h / stride, w / stride)."""
        return self.activation(self.residual(x).add_(self.shortcut(x)))


def residual_stage(
    blocks: int, in_channels: int, channels: int, stride: int = 1, **block_options: object
) -> nn.Sequential:
    """``blocks`` residual blocks; the first one changes channels and stride.

    Args:
        blocks: Number of blocks, at least 1.
        in_channels: Channels of the input.
        channels: Channels of the output.
        stride: Stride of the first block.
        **block_options: Keyword arguments of every `ResidualBlock`.
    """
    first = ResidualBlock(in_channels, channels, stride=stride, **block_options)
    others = (ResidualBlock(channels, channels, **block_options) for _ in range(blocks - 1))
    return nn.Sequential(first, *others)
