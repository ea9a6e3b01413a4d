"""Result of the detection in one image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmirstd.evaluation.components import Components, find_components
from mmirstd.inference.options import check_threshold
from mmirstd.inference.sources import Source
from mmirstd.inference.targets import Target, list_targets
from mmirstd.io.images.writing import write_image
from mmirstd.io.outputs.guard import check_output
from mmirstd.io.predictions import encode_probability
from mmirstd.wording import format_count

PICTURES = ('mask', 'probability', 'overlay')
"""What :meth:`Detection.picture` and :meth:`Detection.save` know."""

_LOSSY = ('.jpg', '.jpeg', '.jpe', '.jp2', '.webp', '.avif')


@dataclass(frozen=True, repr=False)
class Detection:
    """The result for one image, at the image's own size.

    Attributes:
        source: Source of the image; ``source.name`` is the name of written files.
        image: The image as it was read, (H, W) or BGR (H, W, 3), with the file's numeric type.
        probability: Probability of "target" (H, W), float32, 0 to 1.
        mask: (H, W) bool, where the probability exceeds the threshold.
        targets: The N targets, one per component, in raster order.
        components: The 8-connected components of the mask, in the same order.
    """

    source: Source
    image: np.ndarray
    probability: np.ndarray
    mask: np.ndarray
    targets: list[Target]
    components: Components

    @classmethod
    def from_probability(
        cls, source: Source, image: np.ndarray, probability: np.ndarray, threshold: float
    ) -> Detection:
        """Apply ``threshold`` to ``probability`` (H, W) and list the targets."""
        mask = probability > threshold
        components = find_components(mask)
        targets = list_targets(probability, components)
        return cls(source, image, probability, mask, targets, components)

    def __repr__(self) -> str:
        """One line; arrays would fill pages of a notebook."""
        height, width = self.size
        count = format_count(len(self.targets), 'target')
        return f'<Detection of {self.source}: {count} in {width} x {height} pixels>'

    def at_threshold(self, threshold: float) -> Detection:
        """The same probabilities with another threshold; the model does not run again.

        Raises:
            ValueError: ``threshold`` is not in [0, 1).
        """
        check_threshold(threshold)
        return self.from_probability(self.source, self.image, self.probability, threshold)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.mask.shape

    @property
    def boxes(self) -> np.ndarray:
        """Boxes of the targets, int64 (N, 4): left, top, right, bottom; the last two exclusive."""
        return np.array([target.box for target in self.targets], np.int64).reshape(-1, 4)

    @property
    def scores(self) -> np.ndarray:
        """Scores of the targets, float32 (N,)."""
        return np.array([target.score for target in self.targets], np.float32)

    def target_mask(self, index: int) -> np.ndarray:
        """(H, W) bool, only the pixels of the target ``targets[index]``.

        Raises:
            IndexError: There is no such target.
        """
        if not -len(self.targets) <= index < len(self.targets):
            count = format_count(len(self.targets), 'target')
            raise IndexError(f'index={index}: {self.source} has {count}, counted from 0')
        alone = np.zeros(self.mask.size, bool)
        alone[self.components.members()[index]] = True
        return alone.reshape(self.mask.shape)

    def plot(self) -> np.ndarray:
        """Picture of the image with its targets marked and enlarged, RGB uint8.

        Show it with ``matplotlib.pyplot.imshow`` or ``PIL.Image.fromarray``.
        """
        # Here, because detection alone needs no drawing.
        from mmirstd.visualization.overlay import draw_result

        return draw_result(self.image, prediction=self.mask, name=self.source.name)

    def picture(self, what: str) -> np.ndarray:
        """The picture that :meth:`save` writes.

        Args:
            what: ``'mask'``: (H, W) uint8, 0 and 255. ``'probability'``: (H, W) uint16, 65535 is
                probability 1. ``'overlay'``: :meth:`plot` as BGR.

        Raises:
            ValueError: ``what`` is none of these.
        """
        if what == 'mask':
            return self.mask.astype(np.uint8) * 255
        if what == 'probability':
            return encode_probability(self.probability)
        if what == 'overlay':
            return self.plot()[..., ::-1]
        raise ValueError(f'what={what!r}: choose out of {", ".join(PICTURES)}')

    def save(self, path: str | Path, what: str = 'mask') -> Path:
        """Write the mask, the probabilities or the overlay as an image file.

        Args:
            path: File to create or to replace; ``.png`` keeps every value.
            what: See :meth:`picture`.

        Returns:
            The path.

        Raises:
            OutputError: ``path`` is the image itself, a link or a folder.
            ValueError: ``what`` is unknown, or the format cannot store such values exactly.
            OSError: The file cannot be written.
        """
        own = () if self.source.path is None else (self.source.path,)
        place = check_output(path, inputs=own)
        if what != 'overlay' and place.suffix.lower() in _LOSSY:
            raise ValueError(
                f'{place}: {place.suffix} changes the values of a {what}; use .png, or .tif'
            )
        write_image(place, self.picture(what))
        return place
