"""Local contrast of feature maps and images, as in ALCNet and RDIAN.

Shapes: N batch, C channels, h/w feature map.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmirstd.models.layers.neighbours import opposite_differences


def dilated_local_contrast(x: Tensor, distance: int) -> Tensor:
    """Contrast of every position to its eight neighbours at ``distance``, brighter or darker.

    The differences to opposite neighbours are multiplied; the result is the smallest of the four
    products. Neighbours beyond the border are taken from the other side (cyclic shift).

    Args:
        x: (N, C, h, w).
        distance: Distance in cells of the map.

    Returns:
        (N, C, h, w).
    """
    pairs = opposite_differences(x, distance, border='circular')
    return torch.stack([one * other for one, other in pairs]).amin(dim=0)


def multiscale_local_contrast(x: Tensor, distances: Sequence[int]) -> Tensor:
    """The largest `dilated_local_contrast` over several distances."""
    return torch.stack([dilated_local_contrast(x, each) for each in distances]).amax(dim=0)


def direction_gate(image: Tensor, distance: int = 2) -> Tensor:
    """Contrast of every pixel to opposite neighbours, as a gate in (0, 1).

    The direction attention of RDIAN (Sun et al., TGRS 2023): for each of the four axes, the
    differences to the two neighbours are multiplied; the gate is the sigmoid of their sum. The
    image is padded with zeros.

    Args:
        image: (N, C, H, W). Several channels are averaged, which changes nothing for the single
            channel of the original.
        distance: Distance in pixels.

    Returns:
        (N, 1, H, W).
    """
    gray = image.mean(dim=1, keepdim=True)
    pairs = opposite_differences(gray, distance, border='constant')
    return torch.stack([one * other for one, other in pairs]).sum(dim=0).sigmoid()
