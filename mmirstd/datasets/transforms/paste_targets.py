"""Paste the targets of other images into an image."""

from __future__ import annotations

from collections.abc import Sized
from typing import NamedTuple

import cv2
import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmirstd.datasets.transforms.steps import Step, check_probability
from mmirstd.registry import TRANSFORMS


class Target(NamedTuple):
    """One target cut out of its image."""

    signal: np.ndarray
    """What the target adds to its background, (h, w) or (h, w, C), float32, 0 far from it."""
    mask: np.ndarray
    """The target's pixels, (h, w), bool."""


@TRANSFORMS.register_module()
class PasteTargets(Step):
    """Paste targets of other images at random positions into an image and its mask.

    A model that sees each target on one background only memorises the background. A pasted target
    keeps its shape and contrast: the difference between it and the median of its surroundings
    is added to the background at the new position, and fades out over two pixels around its mask.
    No target is pasted over another target or an ignored pixel, or where it would be invisible:
    its mean contrast has to reach the standard deviation of the values that it covers.

    For the pipeline of an `mmseg.datasets.MultiImageMixDataset`, which provides the other images.
    Images must be standardised (`StandardizeImage`), so that contrasts of different sensors
    are comparable.

    Required keys: ``img``, ``gt_seg_map`` with 1 for targets, ``mix_results``. Modified keys:
    ``img`` (float32) and ``gt_seg_map``.

    Args:
        prob: Probability in [0, 1] that anything is pasted.
        donors: Number of other images; one target of each is pasted.
        max_side: Largest side in pixels of the bounding box of a target that is pasted.
        margin: Width in pixels of the ring around a target that counts as its surroundings.
        tries: Number of positions that are tried before a target is left out.

    Example:
        >>> train = dict(
        ...     type='MultiImageMixDataset',
        ...     dataset=dict(type='mmirstd.IRSTDDataset', pipeline=[]),  # reads, standardises
        ...     pipeline=[dict(type='mmirstd.PasteTargets')],  # then crops and packs
        ... )

    Raises:
        ValueError: An argument is out of range.
        KeyError: The dataset provides no other images.
    """

    def __init__(
        self,
        prob: float = 0.5,
        *,
        donors: int = 2,
        max_side: int = 64,
        margin: int = 4,
        tries: int = 10,
    ) -> None:
        for name, value in (('donors', donors), ('max_side', max_side), ('tries', tries)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'{name} must be a positive integer, got {value!r}')
        if not isinstance(margin, int) or margin < 2:
            raise ValueError(f'margin must be at least 2 pixels, got {margin!r}')
        self.prob, self.donors, self.tries = check_probability(prob), donors, tries
        self.max_side, self.margin = max_side, margin

    @cache_randomness
    def _draw(self) -> tuple[float, int]:
        """Whether to paste, in [0, 1), and the seed of everything else."""
        return np.random.uniform(), int(np.random.randint(2**31))

    @cache_randomness
    def get_indices(self, dataset: Sized) -> list[int]:
        """Draw the images whose targets are pasted."""
        return [int(index) for index in np.random.randint(len(dataset), size=self.donors)]

    def transform(self, results: dict) -> dict:
        if 'mix_results' not in results:
            raise KeyError(
                'PasteTargets found no mix_results: put it into the pipeline of a '
                'MultiImageMixDataset around the dataset'
            )
        chance, seed = self._draw()
        if chance >= self.prob:
            return results
        random = np.random.default_rng(seed)
        image = np.array(results['img'], dtype=np.float32)
        mask = np.array(results['gt_seg_map'])
        for donor in results['mix_results']:
            target = self._cut(donor['img'], donor['gt_seg_map'], random)
            if target is not None and target.signal.shape[2:] == image.shape[2:]:
                self._paste(image, mask, target, random)
        results['img'], results['gt_seg_map'] = image, mask
        return results

    def _cut(
        self, image: np.ndarray, mask: np.ndarray, random: np.random.Generator
    ) -> Target | None:
        """Cut one target out of an image, in one of its eight symmetries."""
        targets = (mask == 1).astype(np.uint8)
        x, y, width, height = cv2.boundingRect(targets)  # fast, where labelling is not
        if not width:
            return None
        count, part, stats, _ = cv2.connectedComponentsWithStats(
            targets[y : y + height, x : x + width], connectivity=8
        )
        number = int(random.integers(1, count))
        left, top, width, height, _ = stats[number]
        if max(width, height) > self.max_side:
            return None
        own = np.zeros(mask.shape, bool)
        own[y : y + part.shape[0], x : x + part.shape[1]] = part == number
        left, top = left + x, top + y
        rows = slice(max(top - self.margin, 0), top + height + self.margin)
        columns = slice(max(left - self.margin, 0), left + width + self.margin)
        own = own[rows, columns]
        values = image[rows, columns].astype(np.float32)
        ring = mask[rows, columns] == 0
        if not ring.any():
            return None
        weight = cv2.blur(cv2.dilate(own.astype(np.float32), np.ones((3, 3))), (3, 3))
        weight[own] = 1
        weight[~own & ~ring] = 0  # without the pixels of a neighbour and ignored ones
        signal = values - np.median(values[ring], axis=0)
        signal = signal * (weight if signal.ndim == 2 else weight[..., None])
        turns, mirrored = int(random.integers(4)), bool(random.integers(2))
        parts = [np.rot90(part, turns) for part in (signal, own)]
        return Target(*(part[:, ::-1] if mirrored else part for part in parts))

    def _paste(
        self, image: np.ndarray, mask: np.ndarray, target: Target, random: np.random.Generator
    ) -> None:
        """Add a target to ``image`` and ``mask`` at the first suitable place that is drawn."""
        height, width = target.mask.shape
        if height > mask.shape[0] or width > mask.shape[1]:
            return
        contrast = np.abs(target.signal[target.mask]).mean()
        for _ in range(self.tries):
            top = int(random.integers(mask.shape[0] - height + 1))
            left = int(random.integers(mask.shape[1] - width + 1))
            place = (slice(top, top + height), slice(left, left + width))
            if mask[place].any() or contrast < image[place].std():
                continue
            image[place] += target.signal
            mask[place][target.mask] = 1
            return
