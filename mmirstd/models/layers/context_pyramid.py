"""Attention-guided context at several scales (AGPCNet, Zhang et al., TAES 2023).

Shapes: N batch, C channels, h/w feature map, s patches along a side.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from mmirstd.models.layers.attention_gates import bottleneck_gate
from mmirstd.models.layers.non_local import NonLocal


def adaptive_max_pool(x: Tensor, bins: int) -> Tensor:
    """`torch.nn.functional.adaptive_max_pool2d` of ``x`` (N, C, h, w) to (N, C, bins, bins).

    It pools one axis after the other, with operators that ONNX supports.
    """
    for dim in (-2, -1):
        side = x.shape[dim]
        edges = [(k * side // bins, -(-(k + 1) * side // bins)) for k in range(bins)]
        pooled = [
            x.narrow(dim, start, stop - start).max(dim, keepdim=True).values
            for start, stop in edges
        ]
        x = torch.cat(pooled, dim=dim)
    return x


class GuidedContextBlock(nn.Module):
    """Attention inside each of s x s patches, guided by attention between the patches (AGCB).

    Patches have floor(h / s) x floor(w / s) pixels; those of the last row and column also contain
    the remainder. The guide is pooled over PyTorch's adaptive bins, as in the released code; they
    differ from the patches if s does not divide the sides.

    Args:
        channels: C.
        scale: s. Both sides of the map must be at least s.
        reduction: Channel reduction of the attention inside the patches and of the gate.
    """

    def __init__(self, channels: int, scale: int, reduction: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.between_patches = NonLocal(channels, 1)
        self.gate = bottleneck_gate(channels, channels // reduction, pooled=False)
        self.within_patch = NonLocal(channels, reduction)
        self.post = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        )
        self.gamma = nn.Parameter(torch.zeros(1))
        self.activation = nn.ReLU()

    def guide(self, x: Tensor) -> Tensor:
        """Gate (N, C, s, s): one value in [0, 1] for every patch and channel."""
        return self.gate(self.between_patches(adaptive_max_pool(x, self.scale)))

    def patches(self, x: Tensor) -> Tensor:
        """(N, C, h, w): self-attention inside every patch, times its guide."""
        guide, last = self.guide(x), self.scale - 1
        height, width = (side // self.scale * last for side in x.shape[-2:])
        # Equal patches make one batch: all but the last row and column, these two, the corner.
        top, bottom = x[..., :height, :], x[..., height:, :]
        upper_gate, lower_gate = guide[..., :last, :], guide[..., last:, :]
        rows = [
            torch.cat(
                [
                    self._attend(row[..., :width], gate[..., :last]),
                    self._attend(row[..., width:], gate[..., last:]),
                ],
                dim=-1,
            )
            for row, gate in ((top, upper_gate), (bottom, lower_gate))
        ]
        return torch.cat(rows, dim=-2)

    def _attend(self, region: Tensor, guide: Tensor) -> Tensor:
        """A region (N, C, r * a, q * b) of r x q equal patches, with their guide (N, C, r, q)."""
        rows, columns = guide.shape[-2:]
        if not rows or not columns:  # scale 1: a single patch
            return region
        patches = region.unflatten(-1, (columns, -1)).unflatten(-3, (rows, -1))
        patches = patches.permute(0, 2, 4, 1, 3, 5)  # N, r, q, C, a, b
        attended = self.within_patch(patches.flatten(0, 2)).reshape(patches.shape)
        attended = attended.permute(0, 3, 1, 4, 2, 5) * guide[:, :, :, None, :, None]
        return attended.reshape(region.shape)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        return self.activation(self.gamma * self.post(self.patches(x)) + x)


class ContextPyramid(nn.Module):
    """Guided context at several scales of a map with reduced width (CPM).

    Args:
        channels: Channels of input and output.
        scales: Scales s, with one block for each.
        reduction: The blocks work on channels // reduction channels.
    """

    def __init__(self, channels: int, scales: Sequence[int], reduction: int = 16) -> None:
        super().__init__()
        hidden = channels // reduction
        self.reduce = Conv2dNormActivation(channels, hidden, 1, bias=True)
        self.blocks = nn.ModuleList(GuidedContextBlock(hidden, scale) for scale in scales)
        self.expand = Conv2dNormActivation((1 + len(scales)) * hidden, channels, 1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        x = self.reduce(x)
        return self.expand(torch.cat([x, *(block(x) for block in self.blocks)], dim=1))
