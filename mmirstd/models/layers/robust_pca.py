"""Steps of robust PCA with learned operators: image = background + target (RPCANet, RPCANet++).

Shapes: N batch, C channels, H/W image. Background, target and image are (N, 1, H, W).
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.layers.attention_gates import bottleneck_gate
from mmirstd.models.layers.conv_lstm import ConvLSTMCell

States = tuple[Tensor, Tensor] | None
"""Hidden and cell state (N, C, H, W) of the background, or None before the first stage."""


class Decomposition(NamedTuple):
    """Result of one stage; all maps are (N, 1, H, W) in the units of the image.

    Attributes:
        background: The image without targets.
        target: The targets. In the last stage these are the logits of the prediction.
        image: The image reconstructed from both.
    """

    background: Tensor
    target: Tensor
    image: Tensor


def convolutions(width: int, layers: int, *, norm: bool) -> nn.Sequential:
    """3x3 convolutions with biases: 1 to ``width`` channels, ``layers`` more, back to 1.

    Args:
        width: Channels inside.
        layers: Convolutions from ``width`` to ``width`` channels.
        norm: Whether BN follows every convolution but the last one. ReLU follows in any case.
    """
    norm_layer = nn.BatchNorm2d if norm else None
    return nn.Sequential(
        *(
            Conv2dNormActivation(width if index else 1, width, norm_layer=norm_layer, bias=True)
            for index in range(layers + 1)
        ),
        nn.Conv2d(width, 1, 3, padding=1),
    )


class BackgroundStep(nn.Module):
    """Background of RPCANet: its input plus a correction.

    Args:
        width: Channels of the convolutions.
        layers: Convolutions between the first and the last one.
    """

    def __init__(self, width: int = 32, layers: int = 3) -> None:
        super().__init__()
        self.correction = convolutions(width, layers, norm=True)

    def forward(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Background of ``x`` (N, 1, H, W) and the unchanged states, since there is no memory."""
        return x + self.correction(x), states


class PlainResidual(nn.Module):
    """x + conv(ReLU(conv(x))), without norms.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return x + self.conv2(F.relu(self.conv1(x)))


class RecurrentBackgroundStep(nn.Module):
    """Background of RPCANet++, with a recurrent state in the correction.

    Args:
        width: Channels of the convolutions and states.
        initial: See `ConvLSTMCell`.
    """

    def __init__(self, width: int = 32, *, initial: bool = False) -> None:
        super().__init__()
        self.entry = Conv2dNormActivation(1, width, bias=True)
        self.before = PlainResidual(width)
        self.memory = ConvLSTMCell(width, initial=initial)
        self.after = PlainResidual(width)
        self.exit = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor, states: States) -> tuple[Tensor, States]:
        """Background of ``x`` (N, 1, H, W), and the states after this stage."""
        states = self.memory(self.before(self.entry(x)), states)
        return x + self.exit(self.after(states[0])), states


class GatedCentralDifference(nn.Module):
    """Convolution of the differences to the centre, with a learned gate for each channel.

    With kernel k and gate g, it is g * (sum of k) * centre - (k applied to the window). At g = 1
    this is the negated convolution of the differences to the centre, which is independent of
    brightness.

    Args:
        channels: C.
        kernel_size: Odd side of the window in pixels.
        reduction: The gate has C // reduction hidden channels.
    """

    def __init__(self, channels: int, kernel_size: int, reduction: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, bias=False)
        self.gate = bottleneck_gate(channels, channels // reduction, pooled=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        centre = F.conv2d(x, self.conv.weight.sum(dim=(2, 3), keepdim=True))
        return self.gate(x) * centre - self.conv(x)


def contrast_convolutions(width: int, kernel_size: int) -> nn.Sequential:
    """Contrast of RPCANet++: (N, 1, H, W) -> (N, 1, H, W).

    Args:
        width: Channels inside.
        kernel_size: Side of the window of `GatedCentralDifference`.
    """
    return nn.Sequential(
        Conv2dNormActivation(1, width, norm_layer=None, bias=True),
        GatedCentralDifference(width, kernel_size),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.1),
        nn.Conv2d(width, 1, 3, padding=1),
    )


class TargetStep(nn.Module):
    """A gradient step towards sparse targets with a learned length, initialised to 0.01.

    Args:
        width: Channels of the convolutions.
        layers: Convolutions between the first and the last one.
        contrast: Module whose output is added to the input of the convolutions; None for none.
    """

    def __init__(
        self, width: int = 32, layers: int = 6, *, contrast: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(Tensor([0.01]))
        self.contrast = contrast
        self.direction = convolutions(width, layers, norm=False)

    def forward(self, x: Tensor) -> Tensor:
        """Targets (N, 1, H, W), given ``x``: previous targets plus image minus background."""
        seen = x if self.contrast is None else x + self.contrast(x)
        return x - self.epsilon * self.direction(seen)


class DecompositionStage(nn.Module):
    """One stage: estimates background and targets, then reconstructs the image.

    Args:
        background: Called with the image without targets and with the states.
        target: Called with the previous targets plus the image without background.
        width: Channels of the convolutions that reconstruct the image.
        layers: Convolutions between the first and the last one of these.
    """

    def __init__(
        self, background: nn.Module, target: nn.Module, *, width: int = 32, layers: int = 3
    ) -> None:
        super().__init__()
        self.background = background
        self.target = target
        self.rebuild = convolutions(width, layers, norm=True)

    def forward(
        self, image: Tensor, target: Tensor, states: States
    ) -> tuple[Decomposition, States]:
        """Decompose ``image`` (N, 1, H, W), given targets and states of the previous stage."""
        background, states = self.background(image - target, states)
        target = self.target(target + image - background)
        return Decomposition(background, target, self.rebuild(background + target)), states
