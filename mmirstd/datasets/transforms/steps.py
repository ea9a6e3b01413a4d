"""What the steps of pipelines share: their text, checks of arguments, changes of a whole sample."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from mmcv.transforms import BaseTransform

from mmirstd.datasets.resampling import Size, crop_and_pad, resize_image, resize_mask


class Step(BaseTransform):
    """A step of a pipeline that stores every argument under the argument's name."""

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        arguments = ', '.join(f'{name}={getattr(self, name)!r}' for name in names)
        return f'{type(self).__name__}({arguments})'


def check_probability(value: float, name: str = 'prob') -> float:
    """Return the value, or raise ValueError if it is not a probability."""
    if not 0 <= value <= 1:
        raise ValueError(f'{name} must be in [0, 1], got {value!r}')
    return value


def check_size(size: int) -> int:
    """Return the size, or raise ValueError if it is not a side in pixels."""
    if not isinstance(size, int) or size < 1:
        raise ValueError(f'size must be a positive number of pixels, got {size!r}')
    return size


def check_mask_pad(label: int) -> int:
    """Return the label, or raise ValueError if padded pixels cannot have it."""
    if label not in (0, 255):
        raise ValueError(f'mask_pad must be 0 (background) or 255 (ignored), got {label!r}')
    return label


def resize_sample(results: dict, size: Size, fields: Sequence[str] | None = None) -> None:
    """Resize the image of a sample in place, and its label maps or those named in ``fields``."""
    height, width = results['img'].shape[:2]
    results['img'] = resize_image(results['img'], size)
    for key in results.get('seg_fields', []) if fields is None else fields:
        results[key] = resize_mask(results[key], size)
    results['img_shape'] = size
    results['scale_factor'] = (size[1] / width, size[0] / height)


def crop_sample(
    results: dict, offset: Size, size: Size, *, image_pad: float, mask_pad: int
) -> None:
    """Cut a window out of the image and the label maps in place; see `crop_and_pad`."""
    results['img'] = crop_and_pad(results['img'], offset, size, image_pad)
    for key in results.get('seg_fields', []):
        results[key] = crop_and_pad(results[key], offset, size, mask_pad)
    results['img_shape'] = size
