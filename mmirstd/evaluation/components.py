"""Connected components of a binary mask, which are the targets and detections.

Shapes: H, W mask size in pixels; K foreground pixels; C components.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Components:
    """The 8-connected components of one mask, numbered by their first pixel in raster order.

    ``skimage.measure.label(mask, connectivity=2)`` numbers in the same way. The matching of the
    published evaluators depends on it.

    Attributes:
        pixels: (K,) int64, flat indices ``row * W + column`` of the foreground, ascending.
        labels: (K,) component index 0..C-1 of every pixel.
        areas: (C,) int64, pixels per component.
        row_sums: (C,) float64, sum of the pixels' rows (whole numbers, so it is exact).
        column_sums: (C,) float64, sum of the pixels' columns.
    """

    pixels: NDArray[np.int64]
    labels: NDArray[np.integer]
    areas: NDArray[np.int64]
    row_sums: NDArray[np.float64]
    column_sums: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of components."""
        return len(self.areas)

    def members(self) -> list[NDArray[np.int64]]:
        """Flat indices of the pixels of each component, ascending."""
        ordered = self.pixels[np.argsort(self.labels, kind='stable')]
        return np.split(ordered, np.cumsum(self.areas)[:-1]) if len(self) else []


def find_components(mask: NDArray) -> Components:
    """Find the 8-connected components of ``mask``.

    Args:
        mask: (H, W), any number type; every non-zero pixel is foreground.

    Returns:
        The components in raster order; none for an empty mask.
    """
    if mask.dtype != np.bool_:
        mask = mask != 0
    mask = np.ascontiguousarray(mask)
    pixels = mask.ravel().nonzero()[0]
    if not len(pixels):
        none = np.zeros(0, dtype=np.int64)
        return Components(pixels, none, none, none.astype(float), none.astype(float))
    # Targets cover well under 1 % of an image, so their bounding box is labelled, not the image.
    rows, columns = np.divmod(pixels, mask.shape[1])
    top, bottom = rows[0], rows[-1]
    left, right = np.minimum.reduce(columns), np.maximum.reduce(columns)
    count, label_map = cv2.connectedComponents(
        mask[top : bottom + 1, left : right + 1].view(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    count -= 1  # label 0 is the background
    labels = label_map[rows - top, columns - left] - 1
    if count > 1:
        labels = _in_raster_order(labels, count)
    return Components(
        pixels=pixels,
        labels=labels,
        areas=np.bincount(labels, minlength=count),
        row_sums=np.bincount(labels, weights=rows, minlength=count),
        column_sums=np.bincount(labels, weights=columns, minlength=count),
    )


def _in_raster_order(labels: NDArray[np.integer], count: int) -> NDArray[np.integer]:
    """Renumber ``labels`` (K,) 0..count-1 by first occurrence; OpenCV numbers by 2x2 blocks."""
    order = list(dict.fromkeys(labels.tolist()))  # a dict keeps the order of insertion
    if order == list(range(count)):
        return labels
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    return rank[labels]
