"""Steps that need the whole frame and therefore run before a frame is cut into tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmirstd.datasets.intensity import divide_by_maximum, standardize, with_channels


@dataclass(frozen=True, slots=True)
class FrameSteps:
    """Steps on the values of a frame after its range was scaled.

    Attributes:
        channels: Channels of the model's input, 1 or 3.
        divide_by_maximum: Scale so that the brightest value is 255 (`DivideByMaximum`).
        standardize: ``tail`` and ``limit`` of `StandardizeImage`, None for no standardisation.
    """

    channels: int = 3
    divide_by_maximum: bool = False
    standardize: tuple[float, float] | None = None

    def __call__(self, image: np.ndarray, name: str) -> np.ndarray:
        """Apply the steps to a frame (H, W) or BGR (H, W, 3).

        Returns:
            (H, W) or (H, W, 3); a frame in colours becomes gray for a model of one channel.

        Raises:
            ValueError: The frame cannot be standardised; the message has ``name``.
        """
        if not self.divide_by_maximum and self.standardize is None:
            return image
        image = with_channels(image, self.channels)
        if self.divide_by_maximum:
            image = divide_by_maximum(image)
        if self.standardize is not None:
            image = standardize(image, *self.standardize, source=name)
        return image[..., 0] if self.channels == 1 else image


def take_frame_steps(
    steps: Sequence[dict[str, Any]], channels: int
) -> tuple[FrameSteps, list[dict[str, Any]]]:
    """Divide the steps after the loader into those of the frame and those of a tile.

    Only steps at the beginning belong to the frame, because after resizing, a statistic would be
    that of the resized image. The loader gives ``channels`` channels.
    """
    divide, standard = False, None
    rest = list(steps)
    while rest:
        step = dict(rest[0])
        kind = str(step.pop('type')).rpartition('.')[2]
        if kind == 'DivideByMaximum' and standard is None:
            divide = True
        elif kind == 'StandardizeImage' and standard is None:
            standard = (step.get('tail', 1e-4), step.get('limit', 50.0))
        else:
            break
        rest.pop(0)
    return FrameSteps(channels, divide, standard), rest
