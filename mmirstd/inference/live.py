"""Cameras and streams as sources of a detector."""

from __future__ import annotations

from collections.abc import Iterator

from mmirstd.inference.sources import Source
from mmirstd.io.live import LiveCapture
from mmirstd.io.videos import deinterlace


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
            yield Source(name, None, number, lambda frame=frame: frame)
