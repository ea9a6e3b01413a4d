"""Predict large frames in overlapping tiles, blended into one seamless map.

Tiles form a regular grid, so the blending weight of a pixel is the product of a weight along y
and one along x. Both are normalised to sum to one over the tiles that cover a row or column, so
the blended map is a weighted mean everywhere and no map of weights is needed. Targets
are extracted from the blended map, so a target on the border of two tiles stays one target.

Shapes: H, W size of the frame in pixels; t side of a tile; K tiles along one axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np

BLENDS = ('cosine', 'linear')
"""How the weight of a tile rises over the overlap, from almost 0 at its edge."""

Predict = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
"""Images (h, w) or (h, w, C), all of one size -> maps (h, w), values of any kind."""


@dataclass(frozen=True, slots=True)
class Tiling:
    """How frames are cut.

    Attributes:
        size: Side of the square tiles in pixels.
        overlap: Smallest overlap of neighbours in pixels; by default a quarter of the tile. It
            should exceed the largest target, so that every target is complete in some tile.
        blend: One of `BLENDS`.

    Raises:
        ValueError: A value is out of range.
    """

    size: int
    overlap: int | None = None
    blend: str = 'cosine'

    def __post_init__(self) -> None:
        if not isinstance(self.size, Integral) or self.size < 8:
            raise ValueError(f'tile_size={self.size!r} must be a side of at least 8 pixels')
        if self.overlap is None:
            object.__setattr__(self, 'overlap', self.size // 4)
        if not isinstance(self.overlap, Integral) or not 0 <= self.overlap <= self.size // 2:
            raise ValueError(
                f'overlap={self.overlap!r} must lie between 0 and half of tile_size={self.size}'
            )
        if self.blend not in BLENDS:
            raise ValueError(f'blend={self.blend!r} must be one of {BLENDS}')

    def covers(self, shape: Sequence[int]) -> bool:
        """Whether one tile contains a whole frame (H, W)."""
        return max(shape[:2]) <= self.size


def tile_starts(length: int, size: int, overlap: int) -> list[int]:
    """First pixels, ascending, of K tiles of ``size`` along an axis of ``length``.

    As few tiles as cover the axis, spread evenly, so neighbours share ``overlap`` pixels or more
    and no tile reaches beyond the frame.
    """
    if length <= size:
        return [0]
    count = -(-(length - overlap) // (size - overlap))
    return [round(k * (length - size) / (count - 1)) for k in range(count)]


def tile_weights(starts: Sequence[int], length: int, size: int, blend: str) -> np.ndarray:
    """Weights of the tiles that start at ``starts`` along an axis of ``length`` >= ``size``.

    Returns:
        (K, size) float32 in (0, 1]; at every pixel of the axis they sum to one. A tile has all the
        weight where it is alone; towards a neighbour the weight falls over the pixels that the two
        share.
    """
    weights = np.ones((len(starts), size))
    for k in range(len(starts) - 1):
        shared = starts[k] + size - starts[k + 1]
        rise = (np.arange(shared) + 0.5) / shared if shared else np.zeros(0)
        if blend == 'cosine':
            rise = (1 - np.cos(np.pi * rise)) / 2
        weights[k + 1, :shared] *= rise
        weights[k, size - shared :] *= rise[::-1]
    total = np.zeros(length)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + size] += weight
    for start, weight in zip(starts, weights, strict=True):
        weight /= total[start : start + size]
    return weights.astype(np.float32)


def predict_tiled(
    image: np.ndarray, predict: Predict, tiling: Tiling, *, batch_size: int = 1
) -> np.ndarray:
    """Predict a frame tile by tile.

    Besides the frame and its map, only ``batch_size`` tiles are in memory at any time. An axis
    shorter than a tile is extended by reflection, so that the scale of the image is kept.

    Args:
        image: Frame (H, W) or (H, W, C).
        predict: Maps tiles to maps of their size, e.g. a model.
        tiling: Size, overlap and blending of the tiles.
        batch_size: Number of tiles per call of ``predict``.

    Returns:
        Blended map (H, W), float32.

    Raises:
        ValueError: ``predict`` returned a map of another size than its tile.
    """
    height, width = image.shape[:2]
    size = tiling.size
    image = _reflect_to(image, size)
    rows, columns = (tile_starts(length, size, tiling.overlap) for length in (height, width))
    row_weights = tile_weights(rows, image.shape[0], size, tiling.blend)
    column_weights = tile_weights(columns, image.shape[1], size, tiling.blend)
    blended = np.zeros(image.shape[:2], np.float32)
    places = [(i, j) for i in range(len(rows)) for j in range(len(columns))]
    for start in range(0, len(places), batch_size):
        batch = places[start : start + batch_size]
        tiles = [image[rows[i] : rows[i] + size, columns[j] : columns[j] + size] for i, j in batch]
        for (i, j), part in zip(batch, predict(tiles), strict=True):
            if part.shape != (size, size):
                raise ValueError(f'predict returned {part.shape} for a tile of {(size, size)}')
            window = blended[rows[i] : rows[i] + size, columns[j] : columns[j] + size]
            window += part * row_weights[i][:, None] * column_weights[j]
    return blended[:height, :width]


def _reflect_to(image: np.ndarray, size: int) -> np.ndarray:
    """``image`` continued at the bottom and the right to at least ``size`` pixels."""
    missing = [max(size - side, 0) for side in image.shape[:2]]
    if not any(missing):
        return image
    padding = [(0, missing[0]), (0, missing[1])] + [(0, 0)] * (image.ndim - 2)
    return np.pad(image, padding, mode='symmetric')
