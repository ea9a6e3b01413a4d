"""Tracks of a video or an image sequence as a table and as an annotated video."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmirstd.inference.results import Detection
from mmirstd.inference.tracking import Track
from mmirstd.io.outputs.atomic import explain_write_error, free_space, make_folder_of
from mmirstd.io.outputs.growing import CsvTable, partial_path
from mmirstd.io.outputs.guard import check_output
from mmirstd.reporting.writers import CSV_COLUMNS, csv_row
from mmirstd.visualization.canvas import (
    COLOURS,
    draw_marker,
    enlarge,
    enlargement,
    to_gray8,
    to_rgb,
)
from mmirstd.visualization.outcomes import UNSCORED, Outcome
from mmirstd.wording import format_count

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

CODECS = {'.mp4': 'mp4v', '.avi': 'MJPG', '.webm': 'VP80'}
"""Suffix of an annotated video -> four-character code that every OpenCV build writes. Browsers play
``.webm``."""

_ESTIMATED = ('.webm',)  # containers that do not store the number of their frames

_TRAIL = 20  # positions of a track that are drawn as a line

TRACK_COLUMNS = ('frame', 'track', 'seen', *CSV_COLUMNS)
"""``seen`` counts the detections of the track so far: keep the tracks that reach 3, for example."""

_FREE = 8 * 2**20
"""Bytes that must be free before a frame is written: OpenCV does not report a full disk."""


class TrackTable:
    """Writes one line of CSV per detection with the number of its track; a context manager.

    The file gets its name when the table is complete, see `mmirstd.io.outputs.growing`.

    Raises:
        OutputError: ``path`` is a link or a folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._table: CsvTable | None = None

    def __enter__(self) -> TrackTable:
        self._table = CsvTable(self.path, TRACK_COLUMNS)
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        self._table.close(complete=kind is None)

    def write(self, name: str, tracks: Sequence[Track]) -> None:
        """Write the detections of one frame, each being the last of its track.

        Raises:
            OSError: The disk is full; the message names the file.
        """
        self._table.write_rows(
            [track.frames[-1], track.number, track.seen, *csv_row(name, track.targets[-1])]
            for track in tracks
        )


class TrackVideo:
    """Writes frames with their tracks; a context manager.

    The file gets its name when it is complete and all its frames can be read back.

    Args:
        path: ``.mp4``, ``.avi`` or ``.webm``.
        rate: Frames per second.

    Raises:
        ValueError: The suffix is unknown or the rate is not positive.
        OutputError: ``path`` is a link or a folder.
    """

    def __init__(self, path: str | Path, rate: float) -> None:
        self.path = check_output(path)
        if self.path.suffix.lower() not in CODECS:
            raise ValueError(f'{path}: an annotated video ends in {", ".join(CODECS)}')
        if not rate > 0:
            raise ValueError(f'rate={rate} must be positive (frames per second)')
        self.rate = rate
        self.frames = 0
        self._partial = check_output(partial_path(path))
        self._writer: cv2.VideoWriter | None = None
        self._shape: tuple[int, int] | None = None

    def __enter__(self) -> TrackVideo:
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        if kind is None:
            self._check_whole()
            os.replace(self._partial, self.path)

    def write(self, detection: Detection, tracks: Sequence[Track]) -> None:
        """Append one frame.

        Raises:
            ValueError: The frame does not have the size of the first one.
            OSError: The file cannot be written; the message names it.
        """
        picture = draw_tracks(detection.image, tracks)
        height, width = picture.shape[:2]
        if self._writer is None:
            self._open((width, height), detection.size)
        elif detection.size != self._shape:
            raise ValueError(
                f'{detection.source}: the frame has {detection.size} (height, width), but the '
                f'first one has {self._shape}; all frames must have the same size'
            )
        self._check_room(picture.nbytes)
        self._writer.write(np.ascontiguousarray(picture[..., ::-1]))
        self.frames += 1

    def _open(self, size: tuple[int, int], shape: tuple[int, int]) -> None:
        make_folder_of(self.path)
        code = cv2.VideoWriter.fourcc(*CODECS[self.path.suffix.lower()])
        self._check_room(size[0] * size[1] * 3)
        self._writer = cv2.VideoWriter(str(self._partial), code, self.rate, size)
        self._shape = shape
        if not self._writer.isOpened():
            self._writer = None
            raise OSError(f'{self._partial}: OpenCV cannot write this video')

    def _check_room(self, frame: int) -> None:
        """Raise an error before a frame that might not fit, while the file can still be closed."""
        size = self._partial.stat().st_size if self._partial.exists() else 0
        error = None
        if free_space(self._partial) < _FREE + frame:
            error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        elif size + 2 * frame > _largest_file():
            error = OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        if error is not None:
            raise explain_write_error(error, self._partial)

    def _check_whole(self) -> None:
        """Check that every frame is in the file, because OpenCV ignores errors while writing."""
        capture = cv2.VideoCapture(str(self._partial))
        try:
            if self.path.suffix.lower() in _ESTIMATED:
                count = 0
                while capture.grab():
                    count += 1
                is_whole = count == self.frames
            else:
                count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
                capture.set(cv2.CAP_PROP_POS_FRAMES, self.frames - 1)
                is_whole = count == self.frames and capture.read()[0]
        finally:
            capture.release()
        if not is_whole:
            raise OSError(
                f'{self._partial}: the video is incomplete, with {count} of '
                f'{format_count(self.frames, "frame")}; {free_space(self._partial) / 1e6:.1f} MB '
                'are free there'
            )


def _largest_file() -> float:
    if resource is None:
        return math.inf
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return math.inf if limit == resource.RLIM_INFINITY else limit


def draw_tracks(image: np.ndarray, tracks: Sequence[Track], wanted: int = 640) -> np.ndarray:
    """Draw tracks, with the line of their last 20 positions, into a frame.

    Args:
        image: (H, W) or BGR (H, W, 3), any numeric type.
        tracks: Tracks whose last detection is in this frame.
        wanted: Enlarge by an integer until the longer side has at least this many pixels.

    Returns:
        RGB picture, uint8.
    """
    scale = enlargement(image.shape[:2], wanted)
    picture = to_rgb(enlarge(to_gray8(image), scale))
    for track in tracks:
        # The centre of pixel (0, 0) is half a pixel inside the enlarged picture.
        recent = list(track.targets)[-_TRAIL:]
        path = [((t.x + 0.5) * scale, (t.y + 0.5) * scale) for t in recent]
        points = np.rint(path).astype(np.int32)
        cv2.polylines(picture, [points], False, COLOURS[UNSCORED], 1, cv2.LINE_AA)
        target = track.targets[-1]
        outcome = Outcome(UNSCORED, (target.x, target.y), target.box, target.area)
        draw_marker(picture, outcome, scale, str(track.number))
    return picture
