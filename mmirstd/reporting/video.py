"""Tracks of a video or image sequence as a table and as an annotated video."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from mmirstd.inference.results import Detection
from mmirstd.inference.tracking import Track
from mmirstd.reporting.writers import CSV_COLUMNS, csv_row
from mmirstd.visualization.canvas import (
    COLOURS,
    draw_marker,
    enlarge,
    enlargement,
    to_gray8,
    to_rgb,
)
from mmirstd.visualization.outcomes import UNJUDGED, Outcome

CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG'}
"""Suffix of an annotated video -> four-character code that every OpenCV build writes."""

TRACK_COLUMNS = ('frame', 'track', 'seen', *CSV_COLUMNS)
"""``seen`` counts the sightings of the track so far: keep lines of tracks that reach, say, 3."""


class TrackTable:
    """Writes one CSV line per detection with the number of its track; a context manager."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __enter__(self) -> TrackTable:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open('w', newline='', encoding='utf-8')
        self._writer = csv.writer(self._file)
        self._writer.writerow(TRACK_COLUMNS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, name: str, tracks: Sequence[Track]) -> None:
        """Write the detections of one frame, each being the last of its track."""
        for track in tracks:
            row = csv_row(name, track.targets[-1])
            self._writer.writerow([track.frames[-1], track.number, len(track.frames), *row])


class TrackVideo:
    """Writes frames with their tracks drawn in; a context manager.

    Args:
        path: ``.mp4`` or ``.avi``.
        rate: Frames per second.
        wanted: Frames are enlarged by a whole number until their longer side has so many pixels.

    Raises:
        ValueError: The suffix is unknown or the rate not positive.
    """

    def __init__(self, path: str | Path, rate: float, wanted: int = 640) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in CODECS:
            raise ValueError(f'{path}: an annotated video ends in {" or ".join(CODECS)}')
        if not rate > 0:
            raise ValueError(f'rate={rate} must be positive (frames per second)')
        self.rate = rate
        self.wanted = wanted
        self._writer: cv2.VideoWriter | None = None
        self._shape: tuple[int, int] | None = None

    def __enter__(self) -> TrackVideo:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.release()

    def write(self, detection: Detection, tracks: Sequence[Track]) -> None:
        """Append one frame.

        Raises:
            ValueError: The frame is not of the size of the first one.
            OSError: The file cannot be written.
        """
        picture = draw_tracks(detection.image, tracks, self.wanted)
        height, width = picture.shape[:2]
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            code = cv2.VideoWriter_fourcc(*CODECS[self.path.suffix.lower()])
            self._writer = cv2.VideoWriter(str(self.path), code, self.rate, (width, height))
            self._shape = detection.size
            if not self._writer.isOpened():
                raise OSError(f'{self.path}: OpenCV cannot write this video')
        elif detection.size != self._shape:
            raise ValueError(
                f'{detection.source}: frame of {detection.size} (height, width), but the video '
                f'began with {self._shape}; a sequence must keep its size'
            )
        self._writer.write(np.ascontiguousarray(picture[..., ::-1]))


def draw_tracks(
    image: np.ndarray, tracks: Sequence[Track], wanted: int = 640, tail: int = 20
) -> np.ndarray:
    """Draw tracks into a frame.

    Args:
        image: (H, W) or BGR (H, W, 3), any numeric type.
        tracks: Tracks whose last detection lies in this frame.
        wanted: Enlarge by a whole number until the longer side has so many pixels.
        tail: Sightings of each track that are drawn as a line.

    Returns:
        RGB picture, uint8.
    """
    scale = enlargement(image.shape[:2], wanted)
    picture = to_rgb(enlarge(to_gray8(image), scale))
    for track in tracks:
        # Centre of pixel (0, 0) lies half a pixel inside the enlarged picture.
        path = [((t.x + 0.5) * scale, (t.y + 0.5) * scale) for t in track.targets[-tail:]]
        points = np.rint(path).astype(np.int32)
        cv2.polylines(picture, [points], False, COLOURS[UNJUDGED], 1, cv2.LINE_AA)
        target = track.targets[-1]
        outcome = Outcome(UNJUDGED, (target.x, target.y), target.box, target.area)
        draw_marker(picture, outcome, scale, str(track.number))
    return picture
