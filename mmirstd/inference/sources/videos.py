"""Frames of video files, cameras and streams, in order and read on demand."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from mmirstd.inference.sources.stills import Source
from mmirstd.io.images.limits import ImageReadError
from mmirstd.io.live import LiveCapture
from mmirstd.io.videos import Video, count_combs, deinterlace

_LOGGER = logging.getLogger(__name__)
_FRAMES_LOOKED_AT = 8  # to notice interlacing
_LEAST_COMBS = 12


def video_frames(path: str | Path, *, deinterlaced: bool = False) -> Iterator[Source]:
    """Frames of a video file in order; each must be read before the next one is requested.

    Damaged frames are skipped. If fewer frames can be decoded than the file
    announces, a last source without a frame follows: reading it raises an error with both
    numbers.

    Args:
        path: The file.
        deinterlaced: Replace the odd lines of every frame by the mean of their neighbours.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: The file needs PyAV, which is not installed.
        ImageReadError: OpenCV cannot open it (raised by the call), or it contains no frame.
    """
    return _frames(Video(path), deinterlaced)


def _frames(video: Video, deinterlaced: bool) -> Iterator[Source]:
    if video.reduced_from is not None:
        _LOGGER.warning(
            '%s: its colours of %d bits are read as 8 bits', video.path, video.reduced_from
        )
    decoded = 0
    combs = np.zeros(2, np.int64)
    for number, frame in video.frames():
        if deinterlaced:
            frame = deinterlace(frame)
        elif decoded < _FRAMES_LOOKED_AT:
            combs += count_combs(frame)
            if decoded == _FRAMES_LOOKED_AT - 1:
                _tell_interlaced(video.path, combs)
        name = f'{video.path.stem}_{number:06d}'
        yield Source(name, video.path, number, partial(np.asarray, frame))
        decoded += 1
    if 0 < decoded < _FRAMES_LOOKED_AT:
        _tell_interlaced(video.path, combs)
    missing = video.shortfall(decoded)
    if decoded == 0:
        raise ImageReadError(missing)
    if missing:
        yield Source(video.path.stem, video.path, None, partial(_raise, missing))


def video_rate(path: str | Path) -> float | None:
    """Frames per second according to the video file; None if it does not state them.

    Raises:
        FileNotFoundError: There is no such file.
        ImageReadError: OpenCV cannot open it.
    """
    return Video(path).rate


class LiveSources:
    """The frames of a camera or stream, the newest ones as fast as they are processed.

    Args:
        capture: The camera or stream, or its address; see `mmirstd.io.live.LiveCapture`.
        deinterlaced: Replace the odd lines of every frame by the mean of their neighbours.

    Example:
        >>> live = LiveSources('rtsp://192.168.0.7/stream1')  # doctest: +SKIP
        >>> for result in detector.stream(live):  # doctest: +SKIP
        ...     print(result.source.name, len(result.targets), live.capture.dropped)
    """

    def __init__(self, capture: LiveCapture | int | str, *, deinterlaced: bool = False) -> None:
        self.capture = capture if isinstance(capture, LiveCapture) else LiveCapture(capture)
        self._deinterlaced = deinterlaced

    def __iter__(self) -> Iterator[Source]:
        """Each frame that is not dropped; its ``frame`` also counts the dropped ones."""
        for number, frame in self.capture.frames():
            if self._deinterlaced:
                frame = deinterlace(frame)
            name = f'{self.capture.name}_{number:06d}'
            yield Source(name, None, number, partial(np.asarray, frame))


def _raise(message: str) -> np.ndarray:
    raise ImageReadError(message)


def _tell_interlaced(path: Path, combs: np.ndarray) -> None:
    lines, columns = combs.tolist()
    if lines >= _LEAST_COMBS and lines > 5 * columns:
        _LOGGER.warning(
            '%s: looks interlaced. Odd lines show another moment than even ones, so a moving '
            'target becomes two: use --deinterlace (deinterlaced=True), or convert the file, for '
            'instance by ffmpeg -vf bwdif',
            path,
        )
