"""Scale the values of any sensor to 0..255, so that one mean and std suit all images."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

IntensityRange = str | Sequence[float]
"""'dtype', 'minmax', 'percentile', 'raw' or fixed (low, high) in sensor units."""


class IntensityRangeError(ValueError):
    """The chosen range of sensor values cannot be used for a type of pixels."""


_LEAST_DIFFERENCE = 25  # between the channels of a coloured pixel
_LEAST_SHARE = 0.05  # of the pixels

MODES = ('dtype', 'minmax', 'percentile', 'raw')


def check_range(intensity_range: IntensityRange, percentiles: Sequence[float]) -> None:
    """Raise ValueError unless the arguments of :func:`scale_intensity` are valid."""
    low, high = percentiles
    if not 0 <= low < high <= 100:
        raise ValueError(f'percentiles must be 0 <= low < high <= 100, got {tuple(percentiles)}')
    if isinstance(intensity_range, str):
        if intensity_range not in MODES:
            raise ValueError(
                f'intensity_range must be one of {MODES} or (low, high), got {intensity_range!r}'
            )
        return
    if len(intensity_range) != 2 or not intensity_range[0] < intensity_range[1]:
        raise ValueError(
            f'intensity_range must be (low, high) with low < high, got {tuple(intensity_range)}'
        )


def scale_intensity(
    image: np.ndarray,
    intensity_range: IntensityRange = 'dtype',
    *,
    percentiles: Sequence[float] = (0.1, 99.99),
    source: str = 'image',
) -> np.ndarray:
    """Map pixel values linearly to 0..255.

    Args:
        image: Array (H, W) or (H, W, 3) of any numeric type.
        intensity_range: Values that become 0 and 255; values outside are clipped.
            'dtype': 0 and the largest value of the unsigned integer type. 8-bit images pass
            unchanged. A 14-bit camera in a 16-bit file fills a quarter of that range: give
            (0, 16383) then.
            'minmax': smallest and largest value of the image.
            'percentile': ``percentiles`` of the image, which ignores hot and dead pixels.
            'raw': nothing; the values as they are stored, for models that standardise each frame
            (`StandardizeImage`). 8-bit images do not change, others become float32; types that
            float32 cannot represent exactly are first shifted by their smallest value.
            (low, high): fixed values, the only choice that keeps images comparable.
        percentiles: Lower and upper percentile. The upper one must leave out fewer pixels than a
            target has (1 to 100), or targets saturate; 99.99 leaves out 7 of 256 x 256.
        source: Name of the image in errors.

    Returns:
        uint8 for 8-bit input with 'dtype', else float32 in 0..255. An image of one single value
        becomes 0 with 'minmax' and 'percentile'.

    Raises:
        IntensityRangeError: 'dtype' for signed or floating point values, which have no natural
            maximum.
    """
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    if isinstance(intensity_range, str) and intensity_range == 'raw':
        return _raw(image)
    if isinstance(intensity_range, str) and intensity_range == 'dtype':
        if image.dtype == np.uint8:
            return image
        if image.dtype.kind != 'u':
            raise IntensityRangeError(
                f'{source}: pixel type {image.dtype} has no natural maximum, so intensity_range='
                "'dtype' cannot scale it. Give (low, high) in sensor units (--intensity-range LOW "
                "HIGH on the command line), 'percentile' or 'minmax'."
            )
        low, high = 0.0, float(np.iinfo(image.dtype).max)
    elif isinstance(intensity_range, str) and intensity_range == 'minmax':
        low, high = float(image.min()), float(image.max())
    elif isinstance(intensity_range, str):
        low, high = (float(value) for value in np.percentile(image, percentiles))
    else:
        low, high = (float(value) for value in intensity_range)
    if high <= low:
        return np.zeros(image.shape, np.float32)
    # float64 keeps the differences of 32-bit values with a large offset.
    scaled = (image.astype(np.float64) - low) * (255.0 / (high - low))
    return np.clip(scaled, 0, 255).astype(np.float32)


def _raw(image: np.ndarray) -> np.ndarray:
    if image.dtype in (np.uint8, np.float32):
        return image
    if image.dtype.itemsize > 2:
        image = image.astype(np.float64)
        image -= image.min()
    return image.astype(np.float32)


def describe_unused_range(image: np.ndarray, intensity_range: IntensityRange) -> str:
    """Describe how little of the range of 0..255 an image uses, if it is suspiciously little.

    The arguments are those of :func:`scale_intensity`. The sentence has the values and the option
    that helps; it is '' for 8-bit images and for ranges that follow each image.
    """
    if isinstance(intensity_range, str):
        if intensity_range != 'dtype' or image.dtype.kind != 'u' or image.dtype == np.uint8:
            return ''
        low, high, least = 0.0, float(np.iinfo(image.dtype).max), _LEAST_USE_OF_TYPE
        what = f'of {image.dtype}'
    else:
        low, high = (float(value) for value in intensity_range)
        least, what = _LEAST_USE_OF_RANGE, f'of the range {low:g} to {high:g}'
    first, last = float(image.min()), float(image.max())
    if first == last:
        return ''
    inside = np.clip((first, last), low, high)
    use = (inside[1] - inside[0]) / (high - low)
    if use >= least:
        return ''
    return (
        f'its values {first:g} to {last:g} use {use:.2%} {what}, so targets may be too faint to '
        f'find. Give the range of the sensor, such as intensity_range=({first:g}, {last:g}) '
        f"(--intensity-range {first:g} {last:g}), or 'percentile'"
    )


_LEAST_USE_OF_TYPE = 0.3  # a 14-bit camera in 16 bits uses a quarter
_LEAST_USE_OF_RANGE = 0.05


def divide_by_maximum(image: np.ndarray) -> np.ndarray:
    """Scale an image (H, W) or (H, W, C) so that its brightest value is 255; black stays black.

    Returns:
        float32 of the same shape.
    """
    image = image.astype(np.float32)
    return image * (255 / max(float(image.max()), 1e-6))


def standardize(
    image: np.ndarray, tail: float = 1e-4, limit: float = 50.0, source: str = 'image'
) -> np.ndarray:
    """Zero mean and unit variance over all pixels of (H, W) or (H, W, C), float32.

    The arguments are those of `mmirstd.StandardizeImage`; ``source`` is the name of the image in
    errors.

    Raises:
        ValueError: The image contains NaN or infinity.
    """
    values = image.astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise ValueError(f'{source}: pixels are NaN or infinite; replace them first')
    count = int(values.size * tail)
    trimmed = values
    if count:
        ranks = (count, values.size - 1 - count)
        low, high = np.partition(values.ravel(), ranks)[list(ranks)]
        trimmed = np.clip(values, low, high)
    mean, deviation = trimmed.mean(dtype=np.float64), trimmed.std(dtype=np.float64)
    # Rounding makes the deviation of a constant image of large values tiny instead of zero.
    if deviation <= 1e-6 * max(abs(mean), 1e-30):
        return np.zeros_like(values)
    scaled = (values - np.float32(mean)) * np.float32(1 / deviation)
    return np.clip(scaled, -limit, limit, out=scaled)


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Convert an image (H, W) or BGR (H, W, 3), uint8 or float32, to (H, W, channels) for a model.

    With 3 channels a gray image is repeated; with 1 a colour image becomes gray as in ITU-R 601.
    """
    if channels == 3:
        return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    return gray[..., None]


def looks_coloured(image: np.ndarray) -> bool:
    """Whether an image (H, W) or BGR (H, W, 3) of 8 bits is in pseudo-colour.

    A palette hides the sensor's values.
    """
    if image.ndim == 2 or image.dtype != np.uint8:
        return False
    low, high = image.min(axis=2), image.max(axis=2)
    return float((high - low > _LEAST_DIFFERENCE).mean()) > _LEAST_SHARE
