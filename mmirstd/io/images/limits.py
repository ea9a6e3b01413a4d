"""The largest memory of one image, checked before its pixels are decoded.

The limit holds for every decoder (Pillow, OpenCV, tifffile, NumPy), so a small file cannot unpack
to more memory than the machine has.
"""

from __future__ import annotations

import os

LIMIT_VARIABLE = 'MMIRSTD_MAX_IMAGE_MB'
"""Environment variable that replaces `DEFAULT_LIMIT_MB`; worker processes inherit it."""

DEFAULT_LIMIT_MB = 1100
"""Enough for 16,384 x 16,384 pixels, of which a detector keeps four bytes each."""

_LEAST_BYTES_PER_PIXEL = 4


class ImageReadError(ValueError):
    """A file is not a usable image; the message names it."""


class ImageLimitError(ImageReadError):
    """An image needs more memory than the limit; the message names both."""


def image_limit() -> int:
    """Largest size of one decoded image in bytes.

    Raises:
        ValueError: ``MMIRSTD_MAX_IMAGE_MB`` is not a positive number.
    """
    text = os.environ.get(LIMIT_VARIABLE, '').strip() or str(DEFAULT_LIMIT_MB)
    try:
        megabytes = float(text)
    except ValueError:
        megabytes = 0.0
    if not 0 < megabytes < 1e9:
        raise ValueError(f'{LIMIT_VARIABLE}={text!r} must be a number of megabytes above 0')
    return int(megabytes * 1e6)


def set_image_limit(megabytes: float) -> None:
    """Set the limit for this process and those that it starts.

    Args:
        megabytes: Largest memory of one decoded image; smaller pixels count as four bytes.

    Raises:
        ValueError: The limit is not a positive number.
    """
    if not 0 < megabytes < 1e9:
        raise ValueError(f'the limit must be a number of megabytes above 0, got {megabytes!r}')
    os.environ[LIMIT_VARIABLE] = str(megabytes)


def check_decoded_size(
    height: int, width: int, source: str, *, channels: int = 1, item_size: int = 1
) -> None:
    """Raise an error if an image is too large to be decoded.

    Args:
        height: Height in pixels.
        width: Width in pixels.
        source: Name of the file in errors.
        channels: Values per pixel.
        item_size: Bytes per value.

    Raises:
        ImageLimitError: The image is larger than the limit.
    """
    size = height * width * max(channels * item_size, _LEAST_BYTES_PER_PIXEL)
    if size > image_limit():
        raise ImageLimitError(
            f'{source}: {width} x {height} pixels take {size / 1e6:.0f} MB in memory, more than '
            f'the limit of {image_limit() / 1e6:.0f} MB. Tiles do not help, because whole frames '
            f'are kept in memory. If the file is intact and the memory suffices, '
            f'{_how_to_allow(size)}; else cut it into several files'
        )


def check_file_size(size: int, source: str) -> None:
    """Raise an `ImageLimitError` if a file of ``size`` bytes exceeds the limit."""
    if size > image_limit():
        raise ImageLimitError(
            f'{source}: the file has {size / 1e6:.0f} MB, more than the limit of '
            f'{image_limit() / 1e6:.0f} MB for one image. If it is intact, {_how_to_allow(size)}'
        )


def _how_to_allow(size: int) -> str:
    least = size // 1_000_000 + 1
    return (
        f'raise the limit: --max-image-mb {least} of `mmirstd detect`, or the environment variable '
        f'{LIMIT_VARIABLE}={least} elsewhere'
    )
