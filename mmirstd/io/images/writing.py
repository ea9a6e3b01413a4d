"""Writing images: masks, probability maps, scenes and drawings."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmirstd.io.outputs.atomic import write_atomically


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write an image in the format of the suffix, and make its folder.

    Args:
        path: File to create or to replace; ``.png`` keeps every bit.
        image: (H, W), uint8 or uint16, or (H, W, 3) in BGR order (OpenMMLab's order).

    Raises:
        ValueError: OpenCV cannot write such an image in this format.
        OSError: The file cannot be written; the message says why.
    """
    # On a full disk, cv2.imwrite only returns False. So OpenCV encodes and Python writes.
    write_atomically(path, encode_image(image, Path(path).suffix, str(path)), sync=False)


def encode_image(image: np.ndarray, suffix: str = '.png', source: str = 'image') -> bytes:
    """The content of an image file in the format of ``suffix``.

    Args:
        image: See :func:`write_image`.
        suffix: Suffix of the file.
        source: Name of the image in errors.

    Raises:
        ValueError: OpenCV cannot write such an image in this format.
    """
    try:
        encoded, data = cv2.imencode(suffix, np.ascontiguousarray(image))
    except cv2.error:
        encoded = False
    if not encoded:
        raise ValueError(
            f'{source}: cannot write an image of {image.dtype} and shape {image.shape} as '
            f'{suffix or "a file without suffix"}; use .png'
        )
    return data.tobytes()
