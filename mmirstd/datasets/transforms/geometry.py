"""Pipeline steps that change the size of image and mask together."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmirstd.datasets.resampling import (
    crop_and_pad,
    crop_offset,
    describe_shrinking,
    resize_image,
    resize_mask,
    scaled_size,
)
from mmirstd.datasets.transforms.notices import log_in_first_worker
from mmirstd.registry import TRANSFORMS


def _check_size(size: int) -> int:
    if not isinstance(size, int) or size < 1:
        raise ValueError(f'size must be a positive number of pixels, got {size!r}')
    return size


@TRANSFORMS.register_module()
class RandomScaleCropPad(BaseTransform):
    """Resize by a random factor, then crop and pad to a square: the paper's augmentation.

    Equals detectron2's ResizeScale followed by FixedSizeCrop, which the SimIRSTD release trains
    with. The paper (Sec. 4.1) draws the factor from (0.5, 2.0), the release from (0.1, 2.0).
    At factor 1 the image just fits into the square, aspect ratio kept.

    Required keys: ``img``; label maps named in ``seg_fields`` follow.
    Modified keys: ``img``, ``img_shape``, the label maps. Added: ``scale_factor`` (width, height).

    Args:
        size: Side of the square in pixels.
        scale_range: Smallest and largest factor.
        image_pad: Value of padded image pixels, before normalisation.
        mask_pad: Label of padded pixels: 0 is background as in the release, 255 MMSeg's ignore
            label.
    """

    def __init__(
        self,
        size: int,
        scale_range: tuple[float, float] = (0.1, 2.0),
        *,
        image_pad: float = 128,
        mask_pad: int = 0,
    ) -> None:
        low, high = scale_range
        if not 0 < low <= high:
            raise ValueError(f'scale_range must be 0 < low <= high, got {tuple(scale_range)}')
        if mask_pad not in (0, 255):
            raise ValueError(f'mask_pad must be 0 (background) or 255 (ignored), got {mask_pad!r}')
        self.size = _check_size(size)
        self.scale_range = (low, high)
        self.image_pad = image_pad
        self.mask_pad = mask_pad

    @cache_randomness
    def _draw(self) -> tuple[float, float]:
        """Random scale factor and crop position in [0, 1]."""
        return np.random.uniform(*self.scale_range), np.random.uniform()

    def transform(self, results: dict) -> dict:
        """Resize, crop and pad one sample."""
        scale, position = self._draw()
        height, width = results['img'].shape[:2]
        size = scaled_size((height, width), self.size, scale)
        offset = crop_offset(size, self.size, position)
        image = resize_image(results['img'], size)
        results['img'] = crop_and_pad(image, offset, self.size, self.image_pad)
        for key in results.get('seg_fields', []):
            mask = resize_mask(results[key], size)
            results[key] = crop_and_pad(mask, offset, self.size, self.mask_pad)
        results['img_shape'] = (self.size, self.size)
        results['scale_factor'] = (size[1] / width, size[0] / height)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(size={self.size}, scale_range={self.scale_range}, '
            f'image_pad={self.image_pad}, mask_pad={self.mask_pad})'
        )


@TRANSFORMS.register_module()
class ResizeToSquare(BaseTransform):
    """Resize to a square without keeping the aspect ratio, as the paper tests (Sec. 4.1).

    Required keys: ``img``; label maps named in ``seg_fields`` follow with 'input'.
    Modified keys: ``img``, ``img_shape``; with 'input' also ``ori_shape`` and the label maps.
    Added: ``scale_factor`` (width, height).

    Args:
        size: Side of the square in pixels.
        evaluate_at: Resolution of ground truth and prediction where a sample has ground truth.
            'input': both at the size of the model's input, as the paper's numbers are: the mask
            is resized (nearest) and ``ori_shape``, to which MMSeg resizes predictions, becomes
            the square. 'native': the mask stays, the prediction is resized to the original
            image. Without ground truth, predictions always come at the native size.

    Raises:
        ValueError: With 'input', the mask has not been loaded before this step.
    """

    def __init__(self, size: int, evaluate_at: str = 'input') -> None:
        if evaluate_at not in ('input', 'native'):
            raise ValueError(f"evaluate_at must be 'input' or 'native', got {evaluate_at!r}")
        self.size = _check_size(size)
        self.evaluate_at = evaluate_at
        self._is_first = True

    def transform(self, results: dict) -> dict:
        """Resize one sample."""
        square = (self.size, self.size)
        height, width = results['img'].shape[:2]
        # Without ground truth a detector is at work, which looks at the first frame by itself.
        if self._is_first and results.get('seg_map_path') is not None:
            self._is_first = False
            source = results.get('img_path') or 'image'
            log_in_first_worker(describe_shrinking((height, width), square), source)
        results['img'] = resize_image(results['img'], square)
        results['img_shape'] = square
        results['scale_factor'] = (self.size / width, self.size / height)
        if self.evaluate_at == 'input':
            fields = results.get('seg_fields', [])
            if results.get('seg_map_path') is not None and not fields:
                raise ValueError(
                    f"{results['seg_map_path']}: with evaluate_at='input' put LoadMask before "
                    'ResizeToSquare, so that the mask is resized too'
                )
            for key in fields:
                results[key] = resize_mask(results[key], square)
            if fields:
                results['ori_shape'] = square
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size}, evaluate_at={self.evaluate_at!r})'
