"""Outcome of every target and every detection: hit, miss or false alarm.

The rule is that of the metric: 8-connected components, one-to-one pairing, centroids less than
3 px apart (:mod:`mmirstd.evaluation.matching`, convention 'optimal').
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmirstd.evaluation.components import Components, find_components
from mmirstd.evaluation.matching import match_targets
from mmirstd.renamed import accept_old_arguments

HIT, MISS, FALSE_ALARM, UNSCORED = 'hit', 'miss', 'false alarm', 'detection'
"""Kinds of outcome; UNSCORED is a component for which there is no other mask to compare with."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One target or detection.

    Attributes:
        kind: HIT, MISS, FALSE_ALARM or UNSCORED.
        centre: Centroid (x, y) in pixels: of the target, or of the false alarm.
        box: Extent (left, top, right, bottom) in pixels, the last two exclusive; the box of a hit
            contains target and detection.
        area: Pixels of the target, or of the false alarm.
        target: Flat indices of the pixels of the target; None without one.
        detection: Flat indices of the pixels of the detection; None without one.
    """

    kind: str
    centre: tuple[float, float]
    box: tuple[int, int, int, int]
    area: int
    target: NDArray[np.int64] | None = field(default=None, repr=False, compare=False)
    detection: NDArray[np.int64] | None = field(default=None, repr=False, compare=False)


@accept_old_arguments(truth='gt_mask')
def judge(gt_mask: np.ndarray | None, prediction: np.ndarray | None) -> list[Outcome]:
    """Pair the detections of one image with its targets.

    Args:
        gt_mask: Mask (H, W), non-zero on targets; None if there is no ground truth.
        prediction: Mask (H, W), non-zero on detections; None if there is no prediction.

    Returns:
        Hits, then misses, then false alarms, each in raster order. With only one mask, all of its
        components as UNSCORED.

    Raises:
        ValueError: The masks differ in size.
    """
    if gt_mask is None or prediction is None:
        only = gt_mask if prediction is None else prediction
        if only is None:
            return []
        parts = find_components(only)
        boxes = _boxes(parts, only.shape[1])
        pixels = parts.members()
        return [
            _outcome(
                UNSCORED,
                parts,
                i,
                boxes[i],
                *((pixels[i], None) if prediction is None else (None, pixels[i])),
            )
            for i in range(len(parts))
        ]
    if gt_mask.shape != prediction.shape:
        raise ValueError(
            f'gt_mask has the shape {gt_mask.shape} but prediction {prediction.shape}; '
            'compare masks of the same image at the same size'
        )
    targets, detections = find_components(gt_mask), find_components(prediction)
    partner = match_targets(targets, detections, 'optimal').partner
    target_boxes = _boxes(targets, gt_mask.shape[1])
    detection_boxes = _boxes(detections, gt_mask.shape[1])
    own, found = targets.members(), detections.members()
    hits = [
        _outcome(HIT, targets, t, _union(target_boxes[t], detection_boxes[p]), own[t], found[p])
        for t, p in sorted(partner.items())
    ]
    missed = sorted(set(range(len(targets))) - set(partner))
    misses = [_outcome(MISS, targets, t, target_boxes[t], own[t]) for t in missed]
    unpaired = sorted(set(range(len(detections))) - set(partner.values()))
    false_alarms = [
        _outcome(FALSE_ALARM, detections, p, detection_boxes[p], None, found[p]) for p in unpaired
    ]
    return hits + misses + false_alarms


def _boxes(parts: Components, width: int) -> list[tuple[int, int, int, int]]:
    boxes = []
    for pixels in parts.members():
        rows, columns = np.divmod(pixels, width)
        boxes.append(
            (
                int(columns.min()), int(rows.min()),
                int(columns.max()) + 1, int(rows.max()) + 1,
            )
        )  # fmt: skip
    return boxes


def _union(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> tuple[int, ...]:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _outcome(
    kind: str,
    parts: Components,
    index: int,
    box: tuple[int, int, int, int],
    target: NDArray[np.int64] | None = None,
    detection: NDArray[np.int64] | None = None,
) -> Outcome:
    area = int(parts.areas[index])
    centre = (float(parts.column_sums[index] / area), float(parts.row_sums[index] / area))
    return Outcome(kind, centre, box, area, target, detection)
