"""Pipeline steps that change the size of image and mask together."""

from __future__ import annotations

import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmirstd.datasets.resampling import crop_offset, describe_shrinking, scaled_size
from mmirstd.datasets.transforms.notices import log_in_first_worker
from mmirstd.datasets.transforms.steps import (
    Step,
    check_mask_pad,
    check_size,
    crop_sample,
    resize_sample,
)
from mmirstd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomScaleCropPad(Step):
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
        self.size, self.scale_range = check_size(size), (low, high)
        self.image_pad, self.mask_pad = image_pad, check_mask_pad(mask_pad)

    @cache_randomness
    def _draw(self) -> tuple[float, float]:
        """Random scale factor and crop position in [0, 1]."""
        return np.random.uniform(*self.scale_range), np.random.uniform()

    def transform(self, results: dict) -> dict:
        scale, position = self._draw()
        size = scaled_size(results['img'].shape[:2], self.size, scale)
        resize_sample(results, size)
        crop_sample(
            results,
            crop_offset(size, self.size, position),
            (self.size, self.size),
            image_pad=self.image_pad,
            mask_pad=self.mask_pad,
        )
        return results


@TRANSFORMS.register_module()
class ResizeToSquare(Step):
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
        self.size, self.evaluate_at = check_size(size), evaluate_at
        self._is_first = True

    def transform(self, results: dict) -> dict:
        square = (self.size, self.size)
        has_mask = results.get('seg_map_path') is not None
        fields = results.get('seg_fields', []) if self.evaluate_at == 'input' else []
        # Without ground truth a detector runs, which checks the first frame itself.
        if self._is_first and has_mask:
            self._is_first = False
            source = results.get('img_path') or 'image'
            log_in_first_worker(describe_shrinking(results['img'].shape[:2], square), source)
        if self.evaluate_at == 'input' and has_mask and not fields:
            raise ValueError(
                f"{results['seg_map_path']}: with evaluate_at='input' put LoadMask before "
                'ResizeToSquare, so that the mask is resized too'
            )
        resize_sample(results, square, fields)
        if fields:
            results['ori_shape'] = square
        return results
