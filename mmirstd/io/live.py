"""Frames of cameras and streams, without a growing delay.

A thread reads every frame as it arrives and keeps a few of them. If processing is slower, the
oldest one is dropped and counted, so that processed frames are always recent.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from mmirstd.io.images.limits import ImageReadError, check_decoded_size

SCHEMES = ('http', 'https', 'rtmp', 'rtmps', 'rtp', 'rtsp', 'rtsps', 'srt', 'tcp', 'udp')
"""Protocols of streams."""

CAPACITY = 4
"""Number of frames that may wait to be processed."""

_TIMEOUT_MS = 10_000
_MOST_FAILURES = 20  # consecutive reads without a frame that end a stream
_PAUSE = 0.05  # seconds after such a read
_PATIENCE = 0.1  # seconds between two checks whether to stop


def is_live(address: object) -> bool:
    """Whether ``address`` is a camera (0, '0'), a stream or a GStreamer pipeline, not a file."""
    if isinstance(address, int) and not isinstance(address, bool):
        return address >= 0
    if not isinstance(address, str):
        return False
    scheme = address.partition('://')[0].lower() if '://' in address else ''
    known = address.isdecimal() or scheme in SCHEMES or ' ! ' in address
    return known and not os.path.exists(address)


def live_name(address: int | str) -> str:
    """Name of a source for files and messages, without user names, passwords and tokens."""
    text = str(address)
    if text.isdecimal():
        return f'camera{text}'
    if '://' not in text or ' ! ' in text:
        return 'stream'
    parts = urlsplit(text)
    last = Path(parts.path).stem or parts.hostname or ''
    return re.sub(r'[^A-Za-z0-9_-]+', '_', last).strip('_') or 'stream'


class LiveCapture:
    """An open camera or stream.

    Args:
        address: Index of a camera, URL, or GStreamer pipeline that ends in ``appsink``.
        capacity: Number of frames that may wait to be processed.
        opened: Object like ``cv2.VideoCapture`` to read from instead.

    Attributes:
        name: See :func:`live_name`.
        rate: Frames per second as the source states them; None if it does not.
        received: Number of frames so far.
        dropped: Number of frames that were dropped for newer ones.
        is_stopped: Called several times a second; :meth:`frames` ends when it returns True.

    Raises:
        ImageReadError: The source cannot be opened; the message contains no password.
    """

    def __init__(
        self, address: int | str, *, capacity: int = CAPACITY, opened: Any | None = None
    ) -> None:
        if capacity < 1:
            raise ValueError(f'capacity={capacity} must be at least 1 frame')
        self.name = live_name(address)
        self._capture = _open(address, self.name) if opened is None else opened
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate < 1000 else None
        self.received = self.dropped = 0
        self.is_stopped: Callable[[], bool] = lambda: False
        self._waiting: deque[tuple[int, np.ndarray]] = deque()
        self._capacity = capacity
        self._ready = threading.Condition()
        self._closing = self._ended = False
        self._error: Exception | None = None

    def frames(self) -> Iterator[tuple[int, np.ndarray]]:
        """Read until the source ends or ``is_stopped`` returns True.

        Yields:
            The number of a frame, counted from 0 with the dropped ones, and the frame, (H, W) or
            BGR (H, W, 3).

        Raises:
            ImageReadError: No frame arrived.
        """
        reader = threading.Thread(target=self._read, name='live source', daemon=True)
        reader.start()
        try:
            while (item := self._next()) is not None:
                yield item
        finally:
            self._closing = True
            reader.join(2)  # a thread that waits for a dead camera ends with the program
        if self._error is not None:
            raise self._error
        if not self.received and not self.is_stopped():
            raise ImageReadError(f'{self.name}: the source was opened, but no frame arrived')

    def _next(self) -> tuple[int, np.ndarray] | None:
        with self._ready:
            while not self.is_stopped():
                if self._waiting:
                    return self._waiting.popleft()
                if self._ended:
                    return None
                self._ready.wait(_PATIENCE)
        return None

    def _read(self) -> None:
        failures = 0
        try:
            while not self._closing and failures < _MOST_FAILURES:
                done, frame = self._capture.read()
                if not done:
                    failures += 1
                    time.sleep(_PAUSE)
                    continue
                failures = 0
                height, width = frame.shape[:2]
                check_decoded_size(height, width, self.name, channels=3)
                self._put(frame)
        except (cv2.error, ValueError) as error:
            self._error = ImageReadError(f'{self.name}: {error}')
        finally:
            self._capture.release()
            with self._ready:
                self._ended = True
                self._ready.notify_all()

    def _put(self, frame: np.ndarray) -> None:
        with self._ready:
            if len(self._waiting) == self._capacity:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append((self.received, frame))
            self.received += 1
            self._ready.notify_all()


def _open(address: int | str, name: str) -> cv2.VideoCapture:
    text = str(address)
    if text.isdecimal():
        capture = cv2.VideoCapture(int(text))
    elif ' ! ' in text:
        if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
            raise ImageReadError(
                'this OpenCV was built without GStreamer, which pipelines need; give the URL of '
                'the stream, or install an OpenCV with GStreamer'
            )
        capture = cv2.VideoCapture(text, cv2.CAP_GSTREAMER)
    else:
        limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
        options = [word for limit in limits for word in (limit, _TIMEOUT_MS)]
        capture = cv2.VideoCapture(text, cv2.CAP_FFMPEG, options)
    if not capture.isOpened():
        raise ImageReadError(f'{name}: the camera or stream cannot be opened')
    return capture
