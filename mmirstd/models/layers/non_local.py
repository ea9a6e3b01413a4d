"""Non-local attention between all positions of a map (Wang et al., CVPR 2018), as in DANet.

Shapes: N batch, C channels, h/w feature map.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class NonLocal(nn.Module):
    """Add to every position the attention to all positions, weighted by a learned scalar.

    As in AGPCNet's released code, the products of queries and keys are not scaled by the width.

    Args:
        channels: C.
        reduction: Queries and keys have C // reduction channels.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // reduction, 1)
        self.key = nn.Conv2d(channels, channels // reduction, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w); the input itself while ``gamma`` is zero."""
        query, key, value = (
            layer(x).flatten(2).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return self.gamma * mixed.transpose(1, 2).reshape(x.shape) + x
