"""Reading masks of targets in all their encodings.

A pixel belongs to a target if its value is above 0, because published masks contain 0/1, 0/255,
1-bit images and gray edges. Masks for which this rule is wrong give an error: JPEG noise, void
pixels, contradicting transparency.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmirstd.io.images.limits import ImageReadError
from mmirstd.io.images.picture import Picture
from mmirstd.io.images.reading import binarize, check_pixels, read_picture
from mmirstd.wording import format_count

VOID = 255
"""Label of void pixels, which are not evaluated, as in PASCAL VOC and MMSegmentation."""

_NOISE = 30  # gray values up to this are JPEG noise if there are many of them
_LEAST_NOISE_SHARE = 0.05  # of the pixels above 0; published masks reach 0.037


def read_mask(
    path: str | Path, threshold: float = 0, *, void_value: int | None = None
) -> np.ndarray:
    """Read a target mask: a pixel belongs to a target where any channel exceeds ``threshold``.

    Args:
        path: Mask file of any format that :func:`~mmirstd.io.images.reading.read_image` reads.
            The values are the indices of a coloured palette (0 is background), the opacity if all
            pixels have the same colour, else the colours.
        threshold: Value that target pixels exceed.
        void_value: Value of void pixels, which are not evaluated. None if there are none, which is
            right for masks of 0 and 255.

    Returns:
        uint8 array (H, W) of 0 (background), 1 (target) and, with ``void_value``, `VOID`.

    Raises:
        FileNotFoundError: There is no such file.
        ImageReadError: The file cannot be read, or its transparency contradicts its colours. With
            ``threshold`` 0 also: it is a JPEG, has JPEG noise, or contains 255 beside the label 1.
    """
    values = read_mask_values(path, threshold, void_value=void_value)
    return label_pixels(values, threshold, void_value)


def label_pixels(
    values: np.ndarray, threshold: float = 0, void_value: int | None = None
) -> np.ndarray:
    """Labels of mask values (H, W) or (H, W, 3), see :func:`read_mask`.

    A pixel is void if all channels have the value ``void_value``.
    """
    labels = binarize(values, threshold)
    if void_value is not None:
        labels[_void_pixels(values, void_value)] = VOID
    return labels


def is_all_void(labels: np.ndarray) -> bool:
    """Whether labels contain void pixels and no target, as if 255 of a 0/255 mask were void."""
    return bool((labels == VOID).any()) and not bool((labels == 1).any())


def describe_void(paths: Sequence[Path], count: int, void_value: int | None) -> list[str]:
    """A note about ``paths``, the masks out of ``count`` that :func:`is_all_void` finds; or []."""
    if not paths:
        return []
    verb = 'has' if len(paths) == 1 else 'have'
    some = f'{len(paths)} of {format_count(count, "mask")} {verb}'
    return [
        some + f' void pixels ({void_value}) and no target, such as {paths[0]}. '
        'If 255 is their target, leave the void value out'
    ]


def read_mask_values(
    path: str | Path, threshold: float = 0, *, void_value: int | None = None
) -> np.ndarray:
    """The values (H, W) or (H, W, 3) of a mask file; see :func:`read_mask`."""
    picture = read_picture(path)
    values = check_pixels(label_values(picture, str(path)), str(path))
    if threshold <= 0:
        if picture.lossy:
            raise ImageReadError(
                f'{path}: JPEG blurs masks, so pixels around a target are not 0. Save masks as '
                'PNG, or give a threshold above 0.'
            )
        known = values
        if void_value is None:
            _refuse_void(values, picture, str(path))
        else:
            known = values.copy()
            known[_void_pixels(values, void_value)] = 0
        _refuse_noise(known, str(path))
    return values


def label_values(picture: Picture, source: str) -> np.ndarray:
    """The colours, palette indices or opacity (H, W) or (H, W, 3) that are the mask in a picture.

    Args:
        picture: The decoded file.
        source: Name of the file in errors.

    Raises:
        ImageReadError: Transparency contradicts the colours.
    """
    if picture.indices is not None and not _is_gray_palette(picture):
        return picture.indices
    alpha = picture.alpha
    if alpha is None or alpha.min() > 0:
        return picture.pixels
    flat = picture.pixels.reshape(alpha.size, -1)
    if (flat == flat[0]).all():  # one colour everywhere: only the transparency has content
        return alpha
    if alpha.max() == 0:  # nothing is opaque: the transparency is meaningless
        return picture.pixels
    if not np.array_equal(alpha > 0, binarize(picture.pixels) > 0):
        raise ImageReadError(
            f'{source}: the mask is partly transparent, and its opaque pixels differ from those '
            'above 0, so the target is ambiguous. Save it without transparency.'
        )
    return picture.pixels


def _void_pixels(values: np.ndarray, void_value: int) -> np.ndarray:
    is_void = values == void_value
    return is_void.all(axis=2) if is_void.ndim == 3 else is_void


def _is_gray_palette(picture: Picture) -> bool:
    """Whether every index of a palette has its own gray."""
    pixels = np.atleast_3d(picture.pixels)
    is_gray = bool((pixels == pixels[..., :1]).all())
    return is_gray and len(np.unique(pixels)) == len(np.unique(picture.indices))


def _refuse_noise(values: np.ndarray, source: str) -> None:
    if values.dtype != np.uint8 or values.max() < 128:
        return
    is_low = values - np.uint8(1) < _NOISE  # 0 becomes 255
    low, marked = np.count_nonzero(is_low), np.count_nonzero(values)
    if low >= _LEAST_NOISE_SHARE * marked and len(np.unique(values[is_low])) >= 3:
        raise ImageReadError(
            f'{source}: values of 1 to {_NOISE} in {low} of {format_count(marked, "pixel")} above '
            '0, which looks like JPEG noise: was the mask a JPEG before? Save the original as PNG, '
            'or give a threshold above 0, such as 127.'
        )


def _refuse_void(values: np.ndarray, picture: Picture, source: str) -> None:
    """0, 1 and 255 are background, target and void; other grays have another meaning."""
    if values.dtype != np.uint8 or values.max() < VOID:
        return
    is_palette = picture.indices is not None and not _is_gray_palette(picture)
    # IRSTD-1k has masks of 0 and 255 with a single stray pixel of 1.
    if not is_palette and np.count_nonzero(values == 1) < 2:
        return
    counts = np.bincount(values.ravel(), minlength=256)
    labels = np.flatnonzero(counts)
    beside = counts[1:VOID].any() if is_palette else not counts[2:VOID].any()
    if beside:
        raise ImageReadError(
            f'{source}: {format_count(counts[VOID], "pixel is", "pixels are")} 255 beside the '
            f'labels {", ".join(map(str, labels[:-1]))}. 255 usually marks void pixels: to leave '
            'them out, give void_value=255 (LoadMask) or --void-value 255. If they are target, set '
            'them to 1.'
        )
