"""Writing predictions of a model, and reading those of any program.

They are masks, probabilities or logits, in image files or .npy.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, log
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mmirstd.io.images.masks import label_values
from mmirstd.io.images.reading import read_picture
from mmirstd.io.images.writing import write_image
from mmirstd.io.outputs.folder import OutputFolder
from mmirstd.wording import format_count

PROBABILITY_FOLDER = 'probability'
"""Sub-folder for probability maps in a folder of masks."""

PREDICTION_KINDS = ('auto', 'mask', 'probability', 'logits')
"""Meanings of the pixels of a prediction, see `read_prediction_file`."""


def detect_kind(paths: Iterable[Path]) -> str:
    """Find out whether the predictions of a folder are masks or probabilities.

    They are masks if every file contains 0 and at most one other value, and these other values are
    all equal, or 1 and the largest value of the type (0/1, 0/255, true/false, also mixed). Labels
    of instances are masks, too: integers from 1, one per connected region. The folder is judged as
    a whole, because a single probability map may be all zero.

    Args:
        paths: All prediction files of the folder.

    Returns:
        ``'mask'`` or ``'probability'``.
    """
    foreground: set[float] = set()
    usual: set[float] = {1.0}
    has_labels = False
    for path in paths:
        try:
            image = _read_plane(path)
        except (OSError, ValueError):
            continue  # reading it to score it reports the error
        highest = image.max()
        if image.dtype.kind == 'u':
            usual.add(float(np.iinfo(image.dtype).max))
        if image.dtype != bool and ((image != 0) & (image != highest)).any():
            if not _are_instances(image):
                return 'probability'
            has_labels = True
        elif highest != 0:
            foreground.add(float(highest))
    is_mask = has_labels or len(foreground) < 2 or foreground <= usual
    return 'mask' if is_mask else 'probability'


def _are_instances(image: NDArray) -> bool:
    """Whether every 8-connected region of a map has one label, and labels count from 1."""
    if image.dtype.kind not in 'ui':
        return False
    labels = np.unique(image[image != 0])
    if labels[0] != 1 or labels[-1] != len(labels):
        return False
    count, regions = cv2.connectedComponents((image != 0).astype(np.uint8), connectivity=8)
    low, high = np.full(count, np.iinfo(np.int64).max), np.zeros(count, np.int64)
    np.minimum.at(low, regions, image)
    np.maximum.at(high, regions, image)
    return bool((low[1:] == high[1:]).all())


def read_prediction_file(
    path: Path, kind: str, threshold: float
) -> tuple[NDArray[np.bool_], NDArray[np.float32] | None]:
    """Read one prediction.

    Args:
        path: PNG, BMP or TIFF of any bit depth, or .npy.
        kind: ``'mask'``: predicted where the value is above 0. ``'probability'``: floats 0..1,
            or unsigned integers whose largest value (255, 65535) is probability 1. ``'logits'``:
            floats whose sigmoid is the probability.
        threshold: A pixel is predicted if its probability exceeds this.

    Returns:
        (H, W) mask and (H, W) probability; the latter is None for masks.

    Raises:
        ValueError: The file does not match ``kind``; the message names it.
    """
    image = _read_plane(path)
    if kind == 'mask':
        return image > 0, None
    if kind == 'logits':
        if image.dtype.kind != 'f':
            raise ValueError(f'{path}: contains {image.dtype}, but logits are floats')
        mask = image > (log(threshold / (1 - threshold)) if threshold > 0 else -inf)
        return mask, expit(image.astype(np.float32))
    if image.dtype.kind == 'f':
        probability = image
        if probability.min() < 0 or probability.max() > 1:
            raise ValueError(
                f'{path}: values from {probability.min():.4g} to {probability.max():.4g} are not '
                'probabilities; if they are logits, give --kind logits'
            )
    elif image.dtype == bool:
        probability = image.astype(np.float64)
    elif image.dtype.kind == 'u':
        probability = image / np.iinfo(image.dtype).max
    else:
        raise ValueError(
            f'{path}: contains {image.dtype}, whose largest value cannot be probability 1; save '
            'uint8, uint16 or floats 0..1, or give --kind mask'
        )
    return probability > threshold, probability.astype(np.float32)


def _read_plane(path: Path) -> NDArray:
    """(H, W) values of ``path``, a gray image or a colour image with equal channels."""
    picture = read_picture(path)
    image = label_values(picture, str(path))
    if image.ndim == 3:
        if (image != image[..., :1]).any():
            raise ValueError(
                f'{path}: a colour image is not a prediction; save one channel, not an overlay'
            )
        image = image[..., 0]
    if picture.lossy:
        raise ValueError(f'{path}: JPEG changes the values around a target; save PNG or .npy')
    return image


class PredictionWriter:
    """Writes predictions as PNG files named like their images.

    Args:
        folder: Folder for the results; created if missing. `mmirstd.io.outputs.folder.OutputFolder`
            describes how inputs, other files and earlier results are protected.
        parents: Number of parent folders of an image that its output keeps.
        save_probability: Also write 16-bit probability maps into ``folder/probability``.
        overwrite: Replace the results of an earlier run.
        part: Number of this process if several write one set of results.

    Raises:
        FileExistsError: The folder contains earlier results and ``overwrite`` is False.
        OutputError: Earlier results are inputs, or reached through a link.
    """

    def __init__(
        self,
        folder: str | Path,
        parents: int = 0,
        save_probability: bool = False,
        *,
        overwrite: bool = False,
        part: int = 0,
    ) -> None:
        if parents < 0:
            raise ValueError(f'output_parents={parents} must not be negative')
        self.folder = Path(folder)
        self.parents = parents
        self.save_probability = save_probability
        self._written: dict[Path, str] = {}
        self._files = OutputFolder(folder, 'test', overwrite=overwrite, part=part)
        self._files.__enter__()  # until the process ends, as the metric is never closed

    def write(
        self, name: str, mask: NDArray[np.bool_], probability: NDArray[np.float32] | None
    ) -> None:
        """Write one prediction.

        Args:
            name: Path of the image.
            mask: (H, W), written as 0 and 255.
            probability: (H, W) 0..1, needed only for probability maps.

        Raises:
            ValueError: Another image has the same output name, the probability is missing, or the
                image has fewer parent folders than its output should keep.
            OutputError: The place is an input, or reached through a link.
            FileExistsError: The file exists and is not from this run.
        """
        relative = self._relative(name)
        if self._written.setdefault(relative, name) != name:
            raise ValueError(self._clash(name, self._written[relative], relative))
        # An existing image of this name is an input, even if another program wrote it.
        self._files.inputs.add(name)
        place = self._files.path(relative, again=True)
        write_image(place, mask.astype(np.uint8) * 255)
        if self.save_probability:
            if probability is None:
                raise ValueError(f'{name}: save_probability=True, but the model gave only a mask')
            place = self._files.path(Path(PROBABILITY_FOLDER) / relative, again=True)
            write_image(place, encode_probability(probability))

    def finish(self) -> None:
        """Record that the set is complete."""
        self._files.mark('complete')

    def _relative(self, name: str) -> Path:
        parts = _folders(name)
        if self.parents > len(parts):
            raise ValueError(
                f'output_parents={self.parents}: the path {name} has only '
                f'{format_count(len(parts), "parent folder")}'
            )
        kept = parts[len(parts) - self.parents :]
        return Path(*kept, Path(name).name).with_suffix('.png')

    def _clash(self, one: str, other: str, relative: Path) -> str:
        pairs = zip(reversed(_folders(one)), reversed(_folders(other)), strict=False)
        enough = next((k for k, (a, b) in enumerate(pairs, start=1) if a != b), None)
        fix = 'their names must differ in more than the suffix'
        if enough is not None:
            fix = f'set output_parents={enough} in the metric'
        return f'{one} and {other} would both be written to {self.folder / relative}; {fix}'


def _folders(name: str) -> list[str]:
    """Parent folders of a path that its output can keep, outermost first."""
    parts = Path(name).parent.parts
    unusable = [k for k, part in enumerate(parts) if part in ('..', Path(name).anchor)]
    return list(parts[max(unusable, default=-1) + 1 :])


def encode_probability(probability: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Convert (H, W) probabilities 0..1 to 16-bit gray values 0..65535.

    Halves are rounded down, so that 0.5 becomes 32767 and remains "not above 0.5".
    """
    return np.ceil(probability.astype(np.float64) * 65535 - 0.5).astype(np.uint16)


def round_probability(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities (H, W) as read back from the 16-bit file of `encode_probability`."""
    return encode_probability(probability) / 65535.0
