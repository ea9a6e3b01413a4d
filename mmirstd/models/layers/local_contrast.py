"""Local contrast of feature maps, as in ALCNet.

Letters: N batch, C channels, h/w feature map.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmirstd.models.layers.neighbours import opposite_differences


def dilated_local_contrast(x: Tensor, distance: int) -> Tensor:
    """How far every place stands out from its eight neighbours at ``distance``, both ways.

    The differences to opposite neighbours are multiplied, the smallest of the four products
    counts. Neighbours beyond the border come from the other side (cyclic shift).

    Args:
        x: (N, C, h, w).
        distance: In cells of the map.

    Returns:
        (N, C, h, w).
    """
    pairs = opposite_differences(x, distance, cyclic=True)
    return torch.stack([one * other for one, other in pairs]).amin(dim=0)


def multiscale_local_contrast(x: Tensor, distances: Sequence[int]) -> Tensor:
    """The largest `dilated_local_contrast` over several distances."""
    return torch.stack([dilated_local_contrast(x, each) for each in distances]).amax(dim=0)
