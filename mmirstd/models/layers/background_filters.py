"""Classical filters that answer to small bright spots: what detection was before learning.

All take and return maps (N, 1, H, W), repeat the border, scale with the image and ignore a
constant added to it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmirstd.models.layers.neighbours import AXES, opposite_differences, pad_border, shift_map


def white_top_hat(image: Tensor, size: int) -> Tensor:
    """What opening by a square removes: bright spots that the square does not fit into.

    Args:
        image: (N, 1, H, W).
        size: Odd side of the square in pixels; targets have to be smaller.
    """
    margin = size // 2
    erosion = -F.max_pool2d(pad_border(-image, margin), size, stride=1)
    return image - F.max_pool2d(pad_border(erosion, margin), size, stride=1)


def patch_contrast(image: Tensor, patch: int) -> Tensor:
    """Local contrast of a patch against its eight neighbours (Wei et al., 2016, MPCM).

    For each of the four axes the differences to the two opposite neighbours are multiplied; the
    smallest product counts, so that an edge, which differs on one side only, gives nothing.
    Unlike the original, which squares away the sign, only patches brighter than both count.

    Args:
        image: (N, 1, H, W).
        patch: Odd side of the patches, about that of the targets.
    """
    mean = F.avg_pool2d(pad_border(image, patch // 2), patch, stride=1)
    products = [
        one.clamp(min=0) * other.clamp(min=0)
        for one, other in opposite_differences(mean, patch, border='replicate')
    ]
    return torch.stack(products).amin(dim=0)


def multiscale_patch_contrast(image: Tensor, patches: Sequence[int]) -> Tensor:
    """The largest `patch_contrast` over several patch sizes."""
    return torch.stack([patch_contrast(image, patch) for patch in patches]).amax(dim=0)


def directional_residual(image: Tensor, size: int, statistic: str = 'median') -> Tensor:
    """The image minus the largest of its medians or means along four lines (Deshpande, 1999).

    An edge or a line survives as background in its own direction, a spot in none.

    Args:
        image: (N, 1, H, W).
        size: Odd length of the lines in pixels, more than twice the width of targets.
        statistic: ``'median'`` (max-median filter) or ``'mean'`` (max-mean filter).
    """
    margin = size // 2
    padded = pad_border(image, margin)
    backgrounds = []
    for rows, columns in AXES:
        line = torch.stack(
            [
                shift_map(padded, margin, step * rows, step * columns)
                for step in range(-margin, margin + 1)
            ]
        )
        backgrounds.append(line.median(dim=0).values if statistic == 'median' else line.mean(dim=0))
    return image - torch.stack(backgrounds).amax(dim=0)
