"""Pairing predictions with targets by the four conventions in use.

Shapes: T target components, P predicted components.

All conventions pair a target with at most one prediction, whose centroid must be less than
``max_distance`` pixels away:

``legacy``
    The DNANet family (DNANet, ISNet, MSHNet, IRSAM, SCTransNet, SimIR). Targets in raster order
    take the first (not the nearest) prediction that is still free. A prediction counts as false
    only if its *area* differs from the area of every matched prediction of the image, so a false
    component with the area of a hit is not counted. Comparison with papers needs this defect.
``greedy``
    BasicIRSTD since January 2024. The same pairing; unmatched predictions are all false.
``optimal``
    As many hits as possible, with the least total distance. The order of the components does not
    matter, so flipping the image changes nothing.
``opdc``
    Overlap first (PyIRSTDMetrics, arXiv 2509.16888). All components are paired for the least
    total distance, and the pairs with IoU of at least 0.5 are kept at any distance. The
    others are paired in the same way, and the pairs below ``max_distance`` are kept. Pairs are made
    before they are tested, so a hit can be lost to a pair that is then dropped.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mmirstd.evaluation.components import Components

MATCHINGS = ('legacy', 'greedy', 'optimal', 'opdc')
"""The conventions, see the module docstring."""

MAX_DISTANCE = 3.0
"""Distance of centroids in pixels that a hit must stay below, as in every public evaluator."""

OPDC_MIN_IOU = 0.5
"""``opdc`` keeps a pair with at least this IoU at any distance."""

NearPair = tuple[int, int, float]
"""Target index, prediction index, distance of their centroids in pixels."""

_EXACT_FLOAT_LIMIT = 2.0**53  # whole numbers below it survive float64 arithmetic


@dataclass(frozen=True, slots=True)
class Matches:
    """The pairing of one image.

    Attributes:
        partner: Index of a hit target -> index of the prediction that hits it.
        false_pixels: Pixels of the predictions that the convention calls false.
        false_predictions: Number of predictions without a target, whatever their area.
    """

    partner: dict[int, int]
    false_pixels: int
    false_predictions: int


def check_matching(matching: str) -> None:
    """Raise ValueError unless ``matching`` is one of `MATCHINGS`."""
    if matching not in MATCHINGS:
        raise ValueError(f'matching={matching!r} is unknown; choose one of {", ".join(MATCHINGS)}')


def match_targets(
    targets: Components,
    predictions: Components,
    matching: str,
    *,
    max_distance: float = MAX_DISTANCE,
) -> Matches:
    """Pair the components of a prediction with those of the ground truth.

    Args:
        targets: The T components of the ground truth.
        predictions: The P components of the thresholded prediction.
        matching: One of `MATCHINGS`.
        max_distance: Centroid distance in pixels that a hit must stay strictly below.

    Raises:
        ValueError: ``matching`` is unknown.
    """
    check_matching(matching)
    partner: dict[int, int] = {}
    if len(targets) and len(predictions):
        if matching == 'opdc':
            partner = _overlap_then_distance(targets, predictions, max_distance)
        elif matching == 'optimal':
            near = near_pairs(targets, predictions, max_distance)
            partner = _nearest(near, targets, predictions)
        else:
            partner = _first_free(near_pairs(targets, predictions, max_distance, rounded=True))

    matched = set(partner.values())
    areas = predictions.areas.tolist()
    if matching == 'legacy':
        free_areas = {areas[p] for p in matched}
        false_pixels = sum(area for area in areas if area not in free_areas)
    else:
        false_pixels = sum(areas) - sum(areas[p] for p in matched)
    return Matches(partner, false_pixels, len(areas) - len(matched))


def near_pairs(
    targets: Components, predictions: Components, max_distance: float, *, rounded: bool = False
) -> list[NearPair]:
    """Pairs of centroids that are strictly less than ``max_distance`` pixels apart.

    Args:
        targets: T components.
        predictions: P components.
        max_distance: Distance in pixels.
        rounded: True subtracts rounded centroids as the published programs do, so that a pair at
            exactly 3 px may or may not be a hit, depending on its position in the image. False
            computes with integers over a common denominator, so that position does not matter.

    Returns:
        Pairs ascending by target, then by prediction.
    """
    candidates = sorted(
        (row_sum / area, p, area, row_sum, column_sum)
        for p, (area, row_sum, column_sum) in enumerate(_moments(predictions))
    )
    margin = max_distance + 1e-6
    pairs = []
    for t, (area, row_sum, column_sum) in enumerate(_moments(targets)):
        row, column = row_sum / area, column_sum / area
        start = bisect_left(candidates, (row - margin,))
        stop = bisect_right(candidates, (row + margin,))
        found = []
        for other_row, p, other_area, other_row_sum, other_column_sum in candidates[start:stop]:
            if rounded:
                rows = other_row - row
                columns = other_column_sum / other_area - column
            else:
                common = area * other_area
                rows = (other_row_sum * area - row_sum * other_area) / common
                columns = (other_column_sum * area - column_sum * other_area) / common
            distance = sqrt(rows * rows + columns * columns)
            if rounded and abs(distance - max_distance) < 1e-9:  # decide ties by their operation
                distance = float(np.linalg.norm(np.array([rows, columns])))
            if distance < max_distance:
                found.append((t, p, distance))
        pairs += sorted(found)
    return pairs


def _moments(components: Components) -> Iterator[tuple[int, float, float]]:
    """Area, row sum and column sum of each component as Python numbers."""
    return zip(
        components.areas.tolist(),
        components.row_sums.tolist(),
        components.column_sums.tolist(),
        strict=True,
    )


def _first_free(pairs: Sequence[NearPair]) -> dict[int, int]:
    """Targets in order take the first prediction that is still free."""
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for t, p, _ in pairs:
        if t not in partner and p not in taken:
            partner[t] = p
            taken.add(p)
    return partner


def _nearest(
    pairs: Sequence[NearPair], targets: Components, predictions: Components
) -> dict[int, int]:
    """The best one-to-one choice among ``pairs``.

    Criteria, each for ties of those before: most pairs, least total distance (in steps of 1/1024
    px), most predicted pixels matched, most target pixels matched. The last two make the counts
    unique if distances are equal.
    """
    rows = sorted({t for t, _, _ in pairs})
    columns = sorted({p for _, p, _ in pairs})
    if len(pairs) == len(rows) == len(columns):  # no component has a choice
        return {t: p for t, p, _ in pairs}

    # One whole-number cost per pair whose digits are the four criteria.
    target_areas = targets.areas[rows].astype(float)
    prediction_areas = predictions.areas[columns].astype(float)
    size = min(len(rows), len(columns))
    prediction_unit = 1 + target_areas.sum()
    step_unit = prediction_unit * (1 + prediction_areas.sum())
    farthest = max(distance for _, _, distance in pairs)
    steps_per_pixel = 1024.0
    while steps_per_pixel > 1 and (
        size * step_unit * (2 + size * farthest * steps_per_pixel) > _EXACT_FLOAT_LIMIT
    ):  # hundreds of large components near each other
        steps_per_pixel /= 2
    pair_unit = step_unit * (1 + size * round(farthest * steps_per_pixel))
    cost = np.zeros((len(rows), len(columns)))
    row_of = {t: row for row, t in enumerate(rows)}
    column_of = {p: column for column, p in enumerate(columns)}
    for t, p, distance in pairs:
        row, column = row_of[t], column_of[p]
        cost[row, column] = (
            step_unit * round(distance * steps_per_pixel)
            - prediction_unit * prediction_areas[column]
            - target_areas[row]
            - pair_unit
        )
    chosen = zip(*linear_sum_assignment(cost), strict=True)
    return {rows[row]: columns[column] for row, column in chosen if cost[row, column] < 0}


def _overlap_then_distance(
    targets: Components, predictions: Components, max_distance: float
) -> dict[int, int]:
    """Pair as `opdc` does, see the module docstring."""
    distances = centroid_distances(targets, predictions)
    shared = shared_pixels(targets, predictions)
    overlaps = shared / (targets.areas[:, None] + predictions.areas - shared)
    partner: dict[int, int] = {}
    for accepted in (overlaps >= OPDC_MIN_IOU, distances < max_distance):
        taken = set(partner.values())
        left = [t for t in range(len(targets)) if t not in partner]
        free = [p for p in range(len(predictions)) if p not in taken]
        chosen = zip(*linear_sum_assignment(distances[np.ix_(left, free)]), strict=True)
        pairs = [(left[t], free[p]) for t, p in chosen]
        partner |= {t: p for t, p in pairs if accepted[t, p]}
    return partner


def centroid_distances(targets: Components, predictions: Components) -> NDArray[np.float64]:
    """(T, P) distances of the centroids in pixels, from rounded centroids as in PyIRSTDMetrics."""
    centroids = [
        np.stack([found.row_sums, found.column_sums], axis=1) / found.areas[:, None]
        for found in (targets, predictions)
    ]
    return np.linalg.norm(centroids[0][:, None] - centroids[1], axis=2)


def shared_pixels(targets: Components, predictions: Components) -> NDArray[np.int64]:
    """(T, P) number of pixels that each target shares with each prediction."""
    _, in_targets, in_predictions = np.intersect1d(
        targets.pixels, predictions.pixels, assume_unique=True, return_indices=True
    )
    shared = np.zeros((len(targets), len(predictions)), dtype=np.int64)
    np.add.at(shared, (targets.labels[in_targets], predictions.labels[in_predictions]), 1)
    return shared
