"""What the detection of one image gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmirstd.inference.sources import Source
from mmirstd.inference.targets import Target, find_targets


@dataclass(frozen=True)
class Detection:
    """The answer for one image, at the image's own size.

    Attributes:
        source: Where the image came from; ``source.name`` names written files.
        image: The image as it was read, (H, W) or BGR (H, W, 3), of the file's numeric type.
        probability: Probability of "target" (H, W), float32, 0 to 1.
        mask: (H, W) bool, where the probability exceeds the threshold.
        targets: The 8-connected components of the mask in raster order.
    """

    source: Source
    image: np.ndarray
    probability: np.ndarray
    mask: np.ndarray
    targets: list[Target]

    @classmethod
    def from_probability(
        cls, source: Source, image: np.ndarray, probability: np.ndarray, threshold: float
    ) -> Detection:
        """Cut ``probability`` (H, W) at ``threshold`` and list the targets."""
        mask = probability > threshold
        return cls(source, image, probability, mask, find_targets(probability, mask))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.mask.shape
