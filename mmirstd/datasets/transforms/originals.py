"""The augmentations that published IRSTD models were trained with, one step each.

In the code of ACM, DNANet and MSHNet the order is: flip left-right (MMSeg's ``RandomFlip``),
`RandomLongSide`, `PadToSize`, crop (MMSeg's ``RandomCrop``, whose two axes are independent),
`RandomGaussianBlur`. SCTransNet cuts patches by `RandomPatch`, BasicIRSTD by `RandomTargetCrop`.
"""

from __future__ import annotations

import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmirstd.datasets.resampling import Size
from mmirstd.datasets.transforms.steps import (
    Step,
    check_mask_pad,
    check_size,
    crop_sample,
    resize_sample,
)
from mmirstd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomLongSide(Step):
    """Resize to a long side that is drawn uniformly among the integers of a range.

    The other side is rounded half up, aspect ratio kept; a square counts as wide. Images are
    resized bilinearly with Pillow, masks to nearest pixels.

    Required keys: ``img``; label maps named in ``seg_fields`` follow.
    Modified keys: ``img``, ``img_shape``, the label maps. Added: ``scale_factor`` (width, height).

    Args:
        sides: Smallest and largest long side in pixels, both included. DNANet and MSHNet:
            (128, 512); ACM: (256, 1024), half and twice its base size of 512.

    Raises:
        ValueError: ``sides`` is not a range of positive integers.
    """

    def __init__(self, sides: tuple[int, int] = (128, 512)) -> None:
        low, high = sides
        if not (isinstance(low, int) and isinstance(high, int) and 1 <= low <= high):
            raise ValueError(f'sides must be integers with 1 <= low <= high, got {tuple(sides)}')
        self.sides = (low, high)

    @cache_randomness
    def _draw(self) -> int:
        """The long side."""
        return int(np.random.randint(self.sides[0], self.sides[1] + 1))

    def transform(self, results: dict) -> dict:
        resize_sample(results, long_side_size(results['img'].shape[:2], self._draw()))
        return results


def long_side_size(size: Size, long: int) -> Size:
    """Height and width, at least 1 each, for an image of ``size`` whose long side is ``long``."""
    height, width = size
    if height > width:
        return long, max(int(width * long / height + 0.5), 1)
    return max(int(height * long / width + 0.5), 1), long


@TRANSFORMS.register_module()
class PadToSize(Step):
    """Pad an axis that is shorter than ``size`` at its end; a longer one stays as it is.

    Modified keys: ``img``, ``img_shape`` and the label maps named in ``seg_fields``.

    Args:
        size: Smallest height and width of the result in pixels.
        image_pad: Value of padded image pixels, before normalisation; 0 is black.
        mask_pad: Label of padded pixels: 0 background, 255 ignored.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, size: int, *, image_pad: float = 0.0, mask_pad: int = 0) -> None:
        self.size = check_size(size)
        self.image_pad, self.mask_pad = image_pad, check_mask_pad(mask_pad)

    def transform(self, results: dict) -> dict:
        height, width = results['img'].shape[:2]
        size = (max(height, self.size), max(width, self.size))
        crop_sample(results, (0, 0), size, image_pad=self.image_pad, mask_pad=self.mask_pad)
        return results


@TRANSFORMS.register_module()
class RandomPatch(Step):
    """Cut a square patch as SCTransNet's training does, which often redraws empty patches.

    A corner is drawn uniformly. With probability ``accept_prob`` the patch is taken as it is;
    otherwise it is taken only if it contains a target pixel, and else everything is drawn again.
    If a uniform patch contains a target with probability q, the result does with probability
    ``q / (q + (1 - q) * accept_prob)``. Smaller images are padded at the bottom and the right.

    Modified keys: ``img``, ``img_shape`` and the label maps named in ``seg_fields``.

    Args:
        size: Side of the patch in pixels.
        accept_prob: Probability in (0, 1] of taking a patch whatever it contains.
        image_pad: Value of padded image pixels, before normalisation.
        mask_pad: Label of padded pixels: 0 background, 255 ignored.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(
        self, size: int, accept_prob: float = 0.5, *, image_pad: float = 0.0, mask_pad: int = 0
    ) -> None:
        if not 0 < accept_prob <= 1:
            raise ValueError(f'accept_prob must be in (0, 1], got {accept_prob!r}')
        self.size, self.accept_prob = check_size(size), accept_prob
        self.image_pad, self.mask_pad = image_pad, check_mask_pad(mask_pad)

    def transform(self, results: dict) -> dict:
        height, width = results['img'].shape[:2]
        mask = results.get('gt_seg_map')
        last = max(height - self.size, 0), max(width - self.size, 0)
        while True:
            y, x = (int(np.random.randint(end + 1)) for end in last)
            if np.random.uniform() < self.accept_prob or mask is None:
                break
            if (mask[y : y + self.size, x : x + self.size] == 1).any():
                break
        square = (self.size, self.size)
        crop_sample(results, (y, x), square, image_pad=self.image_pad, mask_pad=self.mask_pad)
        return results
