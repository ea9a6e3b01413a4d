"""Predictions as files: writing those of a model, and reading those of any program.

Masks, probabilities or logits in image files and .npy.
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
"""Sub-folder of the written masks that holds the probability maps."""

PREDICTION_KINDS = ('auto', 'mask', 'probability', 'logits')
"""What the pixels of a prediction may mean, see `read_prediction_file`."""


def detect_kind(paths: Iterable[Path]) -> str:
    """Find out what the predictions of a folder are.

    They are masks if no file holds more than two values, 0 and one other, and those others are the
    same everywhere or 1 and the largest of the type (0/1, 0/255, true/false, also mixed); or if
    all files hold labels of instances: integers of which every connected region has one. Otherwise
    they are probabilities. The folder is judged as a whole, because one probability map may well
    be all zero.

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
            continue  # whoever reads it for good reports it
        highest = image.max()
        if image.dtype.kind == 'u':
            usual.add(float(np.iinfo(image.dtype).max))
        if image.dtype != bool and ((image != 0) & (image != highest)).any():
            if not _are_instances(image):
                return 'probability'
            has_labels = True
        elif highest != 0:
            foreground.add(float(highest))
    if has_labels:
        return 'mask'
    return 'mask' if len(foreground) < 2 or foreground <= usual else 'probability'


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
            or unsigned integers whose largest value (255, 65535) stands for 1. ``'logits'``:
            floats whose sigmoid is the probability.
        threshold: A pixel is predicted where its probability is above.

    Returns:
        (H, W) mask and (H, W) probability; the latter is None for masks.

    Raises:
        ValueError: The file is not what ``kind`` says; the message names it.
    """
    image = _read_plane(path)
    if kind == 'mask':
        return image > 0, None
    if kind == 'logits':
        if image.dtype.kind != 'f':
            raise ValueError(f'{path}: holds {image.dtype}, but logits are floats')
        mask = image > (log(threshold / (1 - threshold)) if threshold > 0 else -inf)
        return mask, expit(image.astype(np.float32))
    if image.dtype.kind == 'f':
        probability = image
        if probability.min() < 0 or probability.max() > 1:
            raise ValueError(
                f'{path}: values from {probability.min():.4g} to {probability.max():.4g} are no '
                'probabilities; if they are logits, say --kind logits'
            )
    elif image.dtype == bool:
        probability = image.astype(np.float64)
    elif image.dtype.kind == 'u':
        probability = image / np.iinfo(image.dtype).max
    else:
        raise ValueError(
            f'{path}: holds {image.dtype}, which has no largest value to stand for probability 1; '
            'save uint8, uint16 or floats 0..1, or say --kind mask'
        )
    return probability > threshold, probability.astype(np.float32)


def _read_plane(path: Path) -> NDArray:
    """(H, W) values of ``path``; a colour image counts if its channels are equal."""
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
        folder: Where to write; created if missing. See `mmirstd.io.outputs.folder.OutputFolder` for
            what protects inputs, other files and earlier results.
        parents: Number of parent folders of an image that its output keeps.
        save_probability: Also write 16-bit probability maps into ``folder/probability``.
        overwrite: Replace the results of an earlier run.
        part: Number of this process where several write one set of results.

    Raises:
        FileExistsError: The folder holds earlier results and ``overwrite`` is False.
        OutputError: They are inputs, or reached through a link.
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
        self._files.__enter__()  # for the life of the metric, which has no end

    def write(
        self, name: str, mask: NDArray[np.bool_], probability: NDArray[np.float32] | None
    ) -> None:
        """Write one prediction.

        Args:
            name: Path of the image.
            mask: (H, W), written as 0 and 255.
            probability: (H, W) 0..1, needed only for probability maps.

        Raises:
            ValueError: Another image has the same output name, or there is no probability, or the
                image has fewer parent folders than are to be kept.
            OutputError: The place is an input, or reached through a link.
            FileExistsError: The place is taken by a file that this run did not write.
        """
        relative = self._relative(name)
        if self._written.setdefault(relative, name) != name:
            raise ValueError(self._clash(name, self._written[relative], relative))
        # An image that exists under this name is an input, whatever wrote it.
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
                f'{format_count(len(parts), "parent folder")} whose names could be kept'
            )
        kept = parts[len(parts) - self.parents :]
        return Path(*kept, Path(name).name).with_suffix('.png')

    def _clash(self, one: str, other: str, relative: Path) -> str:
        first, second = _folders(one)[::-1], _folders(other)[::-1]
        same = next(
            (k for k, pair in enumerate(zip(first, second, strict=False)) if len(set(pair)) > 1),
            None,
        )
        fix = (
            'their names must differ in more than the suffix'
            if same is None
            else f'set output_parents={same + 1} in the metric'
        )
        return f'{one} and {other} would both be written to {self.folder / relative}; {fix}'


def _folders(name: str) -> list[str]:
    """Names of the folders of a path that may become folders of results, outermost first."""
    parts = Path(name).parent.parts
    start = max(
        (k + 1 for k, part in enumerate(parts) if part in ('..', Path(name).anchor)), default=0
    )
    return list(parts[start:])


def encode_probability(probability: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Turn (H, W) probabilities 0..1 into 16-bit grey values 0..65535.

    Halves are rounded down, so exactly 0.5 becomes 32767 and stays "not above 0.5".
    """
    return np.ceil(probability.astype(np.float64) * 65535 - 0.5).astype(np.uint16)


def round_probability(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities (H, W) as they come back from the 16-bit file of `encode_probability`."""
    return encode_probability(probability) / 65535.0
