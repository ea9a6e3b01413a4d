"""Keeping messages of decoders off the terminal; their errors reach the caller.

Pillow's own limit on pixels is turned off, because it refuses large frames before our check.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

import cv2
from PIL import Image

_LOCK = threading.Lock()
_inside = 0
_before: tuple[int, int | None, bool] = (0, None, False)


@contextlib.contextmanager
def quiet_decoders() -> Iterator[None]:
    """Silence OpenCV and tifffile, and leave the limit on pixels to `mmirstd.io.images.limits`.

    The settings belong to the whole process. Several threads may be inside at the same time; when
    the last one leaves, the settings are restored.
    """
    global _inside, _before
    logger = logging.getLogger('tifffile')
    with _LOCK:
        if not _inside:
            _before = cv2.utils.logging.getLogLevel(), Image.MAX_IMAGE_PIXELS, logger.disabled
            cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
            Image.MAX_IMAGE_PIXELS = None
            logger.disabled = True
        _inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if not _inside:
                level, Image.MAX_IMAGE_PIXELS, logger.disabled = _before
                cv2.utils.logging.setLogLevel(level)
