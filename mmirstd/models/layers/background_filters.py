"""Classical filters that respond to small bright spots.

All take and return maps (N, 1, H, W) and repeat the border. Their response is proportional to the
image and does not depend on a constant added to it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmirstd.models.layers.neighbours import AXES, opposite_differences, pad_border, shift_map


def white_top_hat(image: Tensor, size: int) -> Tensor:
    """Bright spots that a square does not fit into: the image minus its opening by the square.

    Args:
        image: (N, 1, H, W).
        size: Odd side of the square in pixels; targets have to be smaller.
    """
    margin = size // 2
    erosion = -F.max_pool2d(pad_border(-image, margin), size, stride=1)
    return image - F.max_pool2d(pad_border(erosion, margin), size, stride=1)


def patch_contrast(image: Tensor, patch: int) -> Tensor:
    """Local contrast of a patch against its eight neighbours (Wei et al., 2016, MPCM).

    For each of the four axes, the differences to the two opposite neighbours are multiplied. The
    result is the smallest product, so an edge, which differs on one side only, gives zero.
    Unlike in the original, which ignores the sign, only patches brighter than both count.

    Args:
        image: (N, 1, H, W).
        patch: Odd side of the patches in pixels, about the size of the targets.
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

    An edge or a line is preserved as background along its own direction, a spot along none.

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
