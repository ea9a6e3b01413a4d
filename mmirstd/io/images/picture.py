"""The result of a decoder: pixels and metadata."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Picture:
    """One decoded picture.

    Attributes:
        pixels: (H, W), or BGR (H, W, 3), of the file's numeric type; palettes are expanded.
        container: Format of the file by its content, such as 'PNG' or 'TIFF'.
        lossy: Whether it was compressed with losses, which blurs masks.
        alpha: Opacity (H, W), None if the file has none.
        indices: Palette indices (H, W), None if the file has no palette.
    """

    pixels: np.ndarray
    container: str
    lossy: bool = False
    alpha: np.ndarray | None = None
    indices: np.ndarray | None = None

    def oriented(self, orientation: int | None) -> Picture:
        """Turn the picture as the EXIF tag ``orientation`` (1 to 8) tells viewers to."""
        return replace(
            self,
            **{
                name: turn(values, orientation)
                for name in ('pixels', 'alpha', 'indices')
                if (values := getattr(self, name)) is not None
            },
        )


def turn(image: np.ndarray, orientation: int | None) -> np.ndarray:
    """Turn (H, W) or (H, W, C) as EXIF's ``orientation`` says; other values leave it as it is."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def swaps_sides(orientation: int | None) -> bool:
    """Whether turning by ``orientation`` exchanges height and width."""
    return orientation in (5, 6, 7, 8)
