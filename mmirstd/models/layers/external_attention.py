"""Attention from the positions of a map to a small learned memory (Guo et al., TPAMI 2022)."""

from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation


class ExternalAttention(nn.Module):
    """Every position attends to ``memory`` learned entries instead of all other positions.

    The affinities are normalised twice: by a softmax over the positions, then to a sum of one over
    the entries. Keys and values are two independent matrices.

    Args:
        channels: C.
        memory: Number of entries.
    """

    def __init__(self, channels: int, memory: int = 64) -> None:
        super().__init__()
        self.entry = nn.Conv2d(channels, channels, 1)
        self.keys = nn.Conv1d(channels, memory, 1, bias=False)
        self.values = nn.Conv1d(memory, channels, 1, bias=False)
        self.out = Conv2dNormActivation(channels, channels, 1, activation_layer=None)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w): the input plus the attention."""
        affinity = self.keys(self.entry(x).flatten(2)).softmax(dim=2)
        affinity = affinity / (affinity.sum(dim=1, keepdim=True) + 1e-9)
        return x + self.out(self.values(affinity).unflatten(2, x.shape[-2:]))
