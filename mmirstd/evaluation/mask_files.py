"""Masks and probability maps as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmirstd.io.pictures import write_image

PROBABILITY_FOLDER = 'probability'
"""Sub-folder of the written masks that holds the probability maps."""


class PredictionWriter:
    """Writes predictions as PNG files named like their images.

    Args:
        folder: Where to write; created if missing.
        parents: Number of parent folders of an image that its output keeps.
        save_probability: Also write 16-bit probability maps into ``folder/probability``.
    """

    def __init__(
        self, folder: str | Path, parents: int = 0, save_probability: bool = False
    ) -> None:
        self.folder = Path(folder)
        self.parents = parents
        self.save_probability = save_probability
        self._written: dict[Path, str] = {}

    def write(
        self, name: str, mask: NDArray[np.bool_], probability: NDArray[np.float32] | None
    ) -> None:
        """Write one prediction.

        Args:
            name: Path of the image.
            mask: (H, W), written as 0 and 255.
            probability: (H, W) 0..1, needed only for probability maps.

        Raises:
            ValueError: Another image has the same output name, or there is no probability.
        """
        parts = Path(name).parts[-1 - self.parents :]
        relative = Path(*parts).with_suffix('.png')
        if self._written.setdefault(relative, name) != name:
            raise ValueError(
                f'{name} and {self._written[relative]} would both be written to '
                f'{self.folder / relative}; set output_parents={self.parents + 1} in the metric'
            )
        write_image(self.folder / relative, mask.astype(np.uint8) * 255)
        if self.save_probability:
            if probability is None:
                raise ValueError(f'{name}: save_probability=True, but the model gave only a mask')
            path = self.folder / PROBABILITY_FOLDER / relative
            write_image(path, encode_probability(probability))


def encode_probability(probability: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Turn (H, W) probabilities 0..1 into 16-bit grey values 0..65535.

    Halves are rounded down, so exactly 0.5 becomes 32767 and stays "not above 0.5".
    """
    return np.ceil(probability.astype(np.float64) * 65535 - 0.5).astype(np.uint16)
