"""Comparing maps with shifted copies of themselves, along the four axes through a pixel."""

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor

AXES = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Steps (rows, columns) along a row, a column and the two diagonals."""


def pad_border(x: Tensor, margin: int, mode: str = 'replicate') -> Tensor:
    """``x`` (N, C, H, W) padded by ``margin`` on every side.

    Args:
        x: (N, C, H, W).
        margin: Rows and columns to add.
        mode: Values beyond the border: ``'replicate'`` repeats it, ``'constant'`` gives zeros,
            ``'circular'`` continues at the opposite side.
    """
    return F.pad(x, (margin,) * 4, mode=mode)


def shift_map(padded: Tensor, margin: int, rows: int, columns: int) -> Tensor:
    """A map shifted by at most ``margin``, cropped from its padded version."""
    height, width = (side - 2 * margin for side in padded.shape[-2:])
    top, left = margin + rows, margin + columns
    return padded[..., top : top + height, left : left + width]


def opposite_differences(
    x: Tensor, distance: int, *, border: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """Differences to the two neighbours at ``distance``, for each of the four axes.

    Args:
        x: (N, C, h, w).
        distance: Distance in cells of the map.
        border: Values beyond the border; the ``mode`` of `pad_border`.
    """
    # Rolling allows distances above the size of the map, but circular padding does not.
    padded = None if border == 'circular' else pad_border(x, distance, border)
    for rows, columns in AXES:
        pair = []
        for sign in (1, -1):
            step = (sign * rows * distance, sign * columns * distance)
            moved = (
                x.roll(step, dims=(-2, -1))
                if padded is None
                else shift_map(padded, distance, *step)
            )
            pair.append(x - moved)
        yield pair[0], pair[1]
