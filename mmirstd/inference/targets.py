"""Convert a probability map to a list of targets.

Shapes: H, W image size in pixels; C number of targets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmirstd.evaluation.components import Components


@dataclass(frozen=True, slots=True)
class Target:
    """One detected target: an 8-connected component of the mask.

    Attributes:
        x, y: Centroid of the pixels; the centre of the top-left pixel is (0, 0).
        box: (left, top, right, bottom) in pixels, right and bottom exclusive.
        area: Number of pixels.
        score: Largest probability among them, 0 to 1.
    """

    x: float
    y: float
    box: tuple[int, int, int, int]
    area: int
    score: float


def list_targets(probability: np.ndarray, parts: Components) -> list[Target]:
    """Describe the components of a mask as targets, in their order; the probability is (H, W)."""
    count = len(parts)
    rows, columns = np.divmod(parts.pixels, probability.shape[1])
    low, high = np.full((2, count), np.iinfo(np.int64).max), np.full((2, count), -1)
    for axis, positions in enumerate((columns, rows)):
        np.minimum.at(low[axis], parts.labels, positions)
        np.maximum.at(high[axis], parts.labels, positions)
    score = np.zeros(count, np.float64)
    np.maximum.at(score, parts.labels, probability.ravel()[parts.pixels].astype(np.float64))
    return [
        Target(
            x=float(parts.column_sums[k] / parts.areas[k]),
            y=float(parts.row_sums[k] / parts.areas[k]),
            box=(int(low[0, k]), int(low[1, k]), int(high[0, k]) + 1, int(high[1, k]) + 1),
            area=int(parts.areas[k]),
            score=float(score[k]),
        )
        for k in range(count)
    ]
