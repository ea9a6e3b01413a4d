"""Join the detections of consecutive frames to tracks.

Small targets have hardly any appearance, so the association is geometric: every track
predicts its next centroid at constant velocity, and predictions and detections are paired one to
one (Hungarian algorithm) within a largest distance. It forms as many pairs as possible, with the
least total distance. This makes it easier to watch videos; it is not a multi-target tracker for
dense scenes.

Shapes: T tracks, D detections of a frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from mmirstd.inference.targets import Target

HISTORY = 32
"""Number of detections that a track stores, more than drawing and prediction use."""

_VELOCITY_OVER = 4
"""Detections over which the velocity is averaged, because centroids of few pixels jump."""


def _recent() -> deque:
    return deque(maxlen=HISTORY)


@dataclass
class Track:
    """One target over time.

    Its memory does not grow with the time for which the target is seen.

    Attributes:
        number: Running number from 1.
        seen: Number of detections so far.
        frames: The last `HISTORY` frames in which it was seen, ascending.
        targets: The detection in each of them.
    """

    number: int
    seen: int = 0
    frames: deque[int] = field(default_factory=_recent)
    targets: deque[Target] = field(default_factory=_recent)

    def add(self, frame: int, target: Target) -> None:
        """Continue with a detection."""
        self.seen += 1
        self.frames.append(frame)
        self.targets.append(target)

    def predict(self, frame: int) -> tuple[float, float]:
        """Expected centroid (x, y) in ``frame``, at the mean velocity of the last sightings."""
        last = self.targets[-1]
        if len(self.targets) == 1:
            return last.x, last.y
        first = max(len(self.targets) - _VELOCITY_OVER, 0)
        elapsed = self.frames[-1] - self.frames[first]
        ahead = (frame - self.frames[-1]) / elapsed
        start = self.targets[first]
        return last.x + (last.x - start.x) * ahead, last.y + (last.y - start.y) * ahead


class Tracker:
    """Numbers the detections of a sequence, frame by frame.

    A track that stays unseen for too long is forgotten, so memory depends on the targets in
    sight and not on the length of the sequence.

    Args:
        max_distance: Largest distance in pixels between a detection and the prediction of the track
            that it continues. It must exceed the motion of a new target between two frames.
        max_gap: Number of frames for which a track may be unseen.

    Attributes:
        active: Tracks that can be continued.
        count: Number of tracks so far, including the forgotten ones.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, max_distance: float = 10.0, max_gap: int = 3) -> None:
        if not max_distance > 0:
            raise ValueError(f'max_distance={max_distance} must be positive (pixels)')
        if max_gap < 0:
            raise ValueError(f'max_gap={max_gap} must not be negative (frames)')
        self.max_distance = max_distance
        self.max_gap = max_gap
        self.active: list[Track] = []
        self.count = 0
        self._frame = -1

    def update(self, targets: Sequence[Target]) -> list[Track]:
        """Continue with all D detections of the next frame.

        Returns:
            The track of each detection; a detection without a matching track starts a new one.
        """
        self._frame += 1
        frame = self._frame
        self.active = [t for t in self.active if frame - t.frames[-1] <= self.max_gap + 1]
        predictions = [track.predict(frame) for track in self.active]
        pairs = associate(predictions, [(t.x, t.y) for t in targets], self.max_distance)
        owner = {detection: self.active[track] for track, detection in pairs}
        result = []
        for index, target in enumerate(targets):
            track = owner.get(index)
            if track is None:
                self.count += 1
                track = Track(self.count)
                self.active.append(track)
            track.add(frame, target)
            result.append(track)
        return result


def associate(
    predictions: Sequence[tuple[float, float]],
    detections: Sequence[tuple[float, float]],
    max_distance: float,
) -> list[tuple[int, int]]:
    """Pair points (x, y) one to one that are at most ``max_distance`` pixels apart.

    Returns:
        Pairs (index of prediction, index of detection): as many as possible, among those with the
        least total distance.
    """
    if not predictions or not detections:
        return []
    a, b = np.asarray(predictions, float), np.asarray(detections, float)
    distance = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    # Costs more than any set of allowed pairs, so that no pair is given up for distance.
    forbidden = max_distance * (min(distance.shape) + 1)
    cost = np.where(distance <= max_distance, distance, forbidden)
    rows, columns = linear_sum_assignment(cost)
    return [
        (int(r), int(c))
        for r, c in zip(rows, columns, strict=True)
        if distance[r, c] <= max_distance
    ]
