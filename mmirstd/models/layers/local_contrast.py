"""Local contrast of feature maps and images, as in ALCNet and RDIAN.

Shapes: N batch, C channels, h/w feature map.
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
    pairs = opposite_differences(x, distance, border='circular')
    return torch.stack([one * other for one, other in pairs]).amin(dim=0)


def multiscale_local_contrast(x: Tensor, distances: Sequence[int]) -> Tensor:
    """The largest `dilated_local_contrast` over several distances."""
    return torch.stack([dilated_local_contrast(x, each) for each in distances]).amax(dim=0)


def direction_gate(image: Tensor, distance: int = 2) -> Tensor:
    """How much every pixel stands out from opposite neighbours, as a gate in (0, 1).

    The direction attention of RDIAN (Sun et al., TGRS 2023): for each of the four axes the
    differences to the two neighbours are multiplied, the sigmoid of the sum is the gate. Outside
    of the image there are zeros.

    Args:
        image: (N, C, H, W). Several channels are averaged: the original reads one, for which this
            changes nothing.
        distance: In pixels.

    Returns:
        (N, 1, H, W).
    """
    gray = image.mean(dim=1, keepdim=True)
    pairs = opposite_differences(gray, distance, border='constant')
    return torch.stack([one * other for one, other in pairs]).sum(dim=0).sigmoid()
