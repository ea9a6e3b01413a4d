"""The result of a decoder: pixels and metadata."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Picture:
    """One decoded picture.

    Attributes:
        pixels: (H, W) or BGR (H, W, 3), of the file's numeric type; palettes are expanded.
        container: Format of the file's content, such as 'PNG' or 'TIFF'.
        lossy: Whether the compression is lossy, which blurs masks.
        alpha: Opacity (H, W), None if the file has none.
        indices: Palette indices (H, W), None if the file has no palette.
    """

    pixels: np.ndarray
    container: str
    lossy: bool = False
    alpha: np.ndarray | None = None
    indices: np.ndarray | None = None

    def oriented(self, orientation: int | None) -> Picture:
        """Turn the picture by the EXIF tag ``orientation``; values except 2 to 8 change nothing."""
        planes = {name: getattr(self, name) for name in ('pixels', 'alpha', 'indices')}
        turned = {k: _turn(v, orientation) for k, v in planes.items() if v is not None}
        return replace(self, **turned)


def _turn(image: np.ndarray, orientation: int | None) -> np.ndarray:
    if swaps_sides(orientation):
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def swaps_sides(orientation: int | None) -> bool:
    """Whether turning by ``orientation`` exchanges height and width."""
    return orientation in (5, 6, 7, 8)
