"""Files that appear whole or not at all, with errors that say what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import cv2
import numpy as np


def partial(path: Path) -> Path:
    """The hidden neighbour that holds a file until it is complete."""
    return path.with_name(f'.{path.name}.part')


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, making its folder; a killed run leaves no half file.

    Raises:
        OSError: Names the file; says so when the disk is full.
    """
    part = partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        _discard(part)
        raise _explained(error, path) from error


def write_png(path: Path, image: np.ndarray) -> None:
    """Write a gray image (H, W), uint8 or uint16, or a BGR image (H, W, 3), as PNG.

    Raises:
        OSError: Names the file; says so when the disk is full.
    """
    # cv2.imwrite only returns False when the disk is full; encoding in memory leaves the
    # writing, and its errors, to Python.
    encoded, data = cv2.imencode('.png', image)
    if not encoded:
        raise OSError(f'{path}: OpenCV could not encode the image')
    write_whole(path, data.tobytes())


def append_line(path: Path, line: str) -> None:
    """Append ``line`` and a newline; a killed run may leave a last line without newline.

    Raises:
        OSError: Names the file; says so when the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('a') as file:
            file.write(f'{line}\n')
    except OSError as error:
        raise _explained(error, path) from error


def _discard(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:
        return  # the first error is the one to report


def _explained(error: OSError, path: Path) -> OSError:
    if error.errno == errno.ENOSPC:
        return OSError(
            errno.ENOSPC,
            'the disk is full. What is finished is intact: free some space and give the same '
            'command again to go on',
            str(path),
        )
    return type(error)(error.errno, f'cannot write: {error.strerror}', str(path))
