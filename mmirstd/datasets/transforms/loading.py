"""Pipeline steps that load infrared images and target masks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmirstd.datasets.intensity import (
    IntensityRange,
    check_range,
    describe_unused_range,
    scale_intensity,
    with_channels,
)
from mmirstd.datasets.resampling import resize_mask
from mmirstd.datasets.transforms.notices import log_in_first_worker
from mmirstd.datasets.transforms.steps import Step
from mmirstd.io.images.masks import is_all_void, read_mask
from mmirstd.io.images.reading import binarize, check_pixels, read_image
from mmirstd.registry import TRANSFORMS

# MMSeg finds its own loader by these names: MMSegInferencer needs a step called
# LoadImageFromFile, which it renames InferencerLoader, and inference_model renames the first
# step LoadImageFromNDArray when it is given arrays. With `_scope_='mmirstd'` after the type all
# three mean this class, which takes files and arrays alike.
_STOCK_NAMES = ('LoadImageFromFile', 'InferencerLoader', 'LoadImageFromNDArray')


@TRANSFORMS.register_module(name=['LoadIRImage', *_STOCK_NAMES])
class LoadIRImage(Step):
    """Load an infrared image of any bit depth from a file or an array.

    Test pipelines write ``dict(type='LoadImageFromFile', _scope_='mmirstd', ...)`` so that
    ``inference_model`` and ``MMSegInferencer`` find it; ``'mmirstd.LoadIRImage'`` is the same.

    Required keys: ``img_path``, or ``img`` with an array (H, W) or (H, W, 3) in BGR order.
    Added keys: ``img`` (H, W, channels), ``img_shape``, ``ori_shape``, ``img_path``.

    Args:
        channels: 3 for BGR (OpenMMLab's order; set ``bgr_to_rgb`` in the data preprocessor), gray
            images repeated; 1 for gray, colours weighted as in ITU-R 601.
        intensity_range: What is mapped to 0..255: 'dtype', 'minmax', 'percentile' or (low, high);
            see :func:`mmirstd.datasets.intensity.scale_intensity`. 8-bit images stay as they are
            with 'dtype'; any other result is float32.
        percentiles: Lower and upper percentile for 'percentile'.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file or array is unusable, or its type needs another ``intensity_range``;
            the message names the file.
    """

    def __init__(
        self,
        channels: int = 3,
        *,
        intensity_range: IntensityRange = 'dtype',
        percentiles: Sequence[float] = (0.1, 99.99),
    ) -> None:
        if channels not in (1, 3):
            raise ValueError(f'channels must be 1 (gray) or 3 (BGR), got {channels!r}')
        check_range(intensity_range, percentiles)
        self.channels, self.intensity_range = channels, intensity_range
        self.percentiles = tuple(percentiles)
        self._is_first = True

    def transform(self, results: dict | str | Path | np.ndarray) -> dict:
        if isinstance(results, np.ndarray):
            results = {'img': results}
        elif isinstance(results, str | Path):
            results = {'img_path': str(results)}
        if results.get('img') is not None:
            results.setdefault('img_path', None)
            source = results['img_path'] or 'image array'
            image = check_pixels(results['img'], source)
        else:
            source = results['img_path']
            image = read_image(source)
        if self._is_first:
            self._is_first = False
            log_in_first_worker(describe_unused_range(image, self.intensity_range), source)
        image = scale_intensity(
            image, self.intensity_range, percentiles=self.percentiles, source=source
        )
        results['img'] = with_channels(image, self.channels)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadMask(Step):
    """Load the target mask of a sample: 1 where the mask file is brighter than ``threshold``.

    Does nothing for a sample without ``seg_map_path``, so pipelines can be used for inference.
    Comes after the image loader; it compares the mask with the native size of the image.

    Required keys: ``ori_shape``; optional ``seg_map_path`` and ``mismatched_mask_shape`` (the
    size of a mask that the dataset declares to be published at another resolution than its
    image).
    Added keys: ``gt_seg_map`` (H, W) uint8 of 0, 1 and, with ``void_value``, 255; ``seg_fields``.

    Args:
        threshold: Gray value that target pixels exceed.
        on_size_mismatch: What to do with a mask of another size than its image, unless it is
            declared: 'error', or 'resize' (nearest pixels, a warning once per process).
        void_value: Value of pixels that losses and metrics leave out: they become 255, MMSeg's
            ``ignore_index``. None, the default, is right for masks of 0 and 255, in which 255 is
            the target.

    Raises:
        FileNotFoundError: There is no such mask.
        ValueError: The mask is unusable or of another size than the image.
    """

    def __init__(
        self,
        threshold: float = 0,
        *,
        on_size_mismatch: str = 'error',
        void_value: int | None = None,
    ) -> None:
        if on_size_mismatch not in ('error', 'resize'):
            raise ValueError(
                f"on_size_mismatch must be 'error' or 'resize', got {on_size_mismatch!r}"
            )
        self.threshold, self.void_value = threshold, void_value
        self.on_size_mismatch = on_size_mismatch
        self._warned = self._warned_of_void = False

    def read(self, path: str) -> np.ndarray:
        """Labels (H, W) of a mask file as this step reads them."""
        return read_mask(path, self.threshold, void_value=self.void_value)

    def transform(self, results: dict) -> dict:
        path = results.get('seg_map_path')
        if path is None:
            return results
        if 'ori_shape' not in results:
            raise ValueError(f'{path}: LoadMask must come after the image loader')
        mask = self.read(path)
        if not self._warned_of_void and is_all_void(mask):
            self._warned_of_void = True
            print_log(
                f'{path} has pixels of {self.void_value} (void_value) and no target. If 255 is the '
                'target in such masks, leave void_value out: now they teach nothing',
                logger='current',
                level=logging.WARNING,
            )
        shape = tuple(results['ori_shape'][:2])
        if mask.shape != shape:
            mask = self._fit(mask, shape, results)
        results['gt_seg_map'] = mask
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results

    def _fit(self, mask: np.ndarray, shape: tuple[int, int], results: dict) -> np.ndarray:
        # Declared pairs were announced by the dataset when it was built.
        if mask.shape != results.get('mismatched_mask_shape'):
            difference = (
                f'mask {results["seg_map_path"]} is {mask.shape[0]} x {mask.shape[1]} (height x '
                f'width) but image {results.get("img_path")} is {shape[0]} x {shape[1]}'
            )
            if self.on_size_mismatch == 'error':
                raise ValueError(
                    f"{difference}. Correct the files, or set on_size_mismatch='resize' if both "
                    'show the same scene.'
                )
            if not self._warned:
                print_log(
                    f'{difference}: resized, as all such masks will be',
                    logger='current',
                    level=logging.WARNING,
                )
                self._warned = True
        return resize_mask(mask, shape)


@TRANSFORMS.register_module()
class BinarizeMask(Step):
    """Turn any label map into 0 (background) and 1 (target) by ``gt_seg_map > threshold``.

    For use after MMSeg's own ``LoadAnnotations``, which keeps 255 of a 0/255 mask, and 255 is
    MMSeg's ignore label: such masks train on nothing. Does nothing where the sample has no
    ``gt_seg_map``, so pipelines can be used for inference.

    Args:
        threshold: Value that target pixels exceed.
    """

    def __init__(self, threshold: float = 0) -> None:
        self.threshold = threshold

    def transform(self, results: dict) -> dict:
        if 'gt_seg_map' in results:
            results['gt_seg_map'] = binarize(results['gt_seg_map'], self.threshold)
        return results
