"""Telling pseudo-colour images, whose palette hides the sensor's values, from gray ones."""

from __future__ import annotations

import numpy as np

_LEAST_DIFFERENCE = 25  # between the channels of a coloured pixel
_LEAST_SHARE = 0.05  # of the pixels


def looks_coloured(image: np.ndarray) -> bool:
    """Whether an image (H, W) or BGR (H, W, 3) of 8 bits is in colour, such as a palette's."""
    if image.ndim == 2 or image.dtype != np.uint8:
        return False
    low, high = image.min(axis=2), image.max(axis=2)
    return float((high - low > _LEAST_DIFFERENCE).mean()) > _LEAST_SHARE
