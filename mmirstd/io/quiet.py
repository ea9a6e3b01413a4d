"""Keeping the decoders' own messages off the terminal; what matters reaches the caller as errors.

Pillow has a limit of its own on pixels, which would refuse large frames before ours is asked.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

import cv2
from PIL import Image

_LOCK = threading.RLock()


@contextlib.contextmanager
def quiet_decoders() -> Iterator[None]:
    """Silence OpenCV and tifffile, and leave the limit on pixels to :mod:`mmirstd.io.limits`.

    The settings belong to the whole process, so one thread at a time is inside; on leaving they
    are as before.
    """
    with _LOCK:
        level, pixels = cv2.utils.logging.getLogLevel(), Image.MAX_IMAGE_PIXELS
        logger = logging.getLogger('tifffile')
        disabled = logger.disabled
        try:
            cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
            Image.MAX_IMAGE_PIXELS = None
            logger.disabled = True
            yield
        finally:
            cv2.utils.logging.setLogLevel(level)
            Image.MAX_IMAGE_PIXELS = pixels
            logger.disabled = disabled
