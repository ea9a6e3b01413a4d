"""Crop at native resolution, with a chosen share of crops that contain a target."""

from __future__ import annotations

import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmirstd.datasets.transforms.steps import (
    Step,
    check_mask_pad,
    check_probability,
    check_size,
    crop_sample,
)
from mmirstd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomTargetCrop(Step):
    """Cut a square out of the image; with a given probability it contains a target pixel.

    Nothing is resized, so targets of few pixels keep their size. Images that are smaller than the
    square are padded at the bottom and the right. With probability ``target_prob`` one target
    pixel is drawn uniformly and the corner uniformly among all positions inside the image whose
    square contains that pixel; otherwise, or without any target, the corner is drawn uniformly.

    Required keys: ``img``, and ``gt_seg_map`` with 1 for targets where there is a mask.
    Modified keys: ``img``, ``img_shape`` and the label maps named in ``seg_fields``.

    Args:
        size: Side of the square in pixels.
        target_prob: Probability in [0, 1] of a crop around a target.
        image_pad: Value of padded image pixels; 0 is the mean after standardisation.
        mask_pad: Label of padded pixels: 0 background, 255 ignored.
        may_miss_by_one: Let the corner of a crop around a target be one position further up and
            left, where the drawn pixel is just outside. BasicIRSTD's patches are drawn so.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self,
        size: int,
        target_prob: float = 0.5,
        *,
        image_pad: float = 0.0,
        mask_pad: int = 0,
        may_miss_by_one: bool = False,
    ) -> None:
        self.size = check_size(size)
        self.target_prob = check_probability(target_prob, 'target_prob')
        self.image_pad, self.mask_pad = image_pad, check_mask_pad(mask_pad)
        self.may_miss_by_one = may_miss_by_one

    @cache_randomness
    def _draw(self) -> tuple[float, float, float, float]:
        """Four uniform numbers in [0, 1): around a target?, which pixel, row, column."""
        return tuple(np.random.uniform(size=4))

    def _positions(self, side: int, pixel: int | None) -> tuple[int, int]:
        """First and last corner coordinate along one axis of a crop that contains ``pixel``."""
        last = max(side - self.size, 0)
        if pixel is None:
            return 0, last
        first = pixel - self.size + (0 if self.may_miss_by_one else 1)
        return max(first, 0), min(pixel, last)

    def transform(self, results: dict) -> dict:
        chance, which, *corner = self._draw()
        height, width = results['img'].shape[:2]
        pixel: tuple[int | None, int | None] = (None, None)
        mask = results.get('gt_seg_map')
        if mask is not None and chance < self.target_prob:
            targets = np.flatnonzero(mask == 1)
            if targets.size:
                pixel = divmod(int(targets[int(which * targets.size)]), width)
        offset = []
        for side, inside, draw in zip((height, width), pixel, corner, strict=True):
            first, last = self._positions(side, inside)
            offset.append(first + int(draw * (last - first + 1)))
        square = (self.size, self.size)
        crop_sample(
            results, tuple(offset), square, image_pad=self.image_pad, mask_pad=self.mask_pad
        )
        return results
