"""Reading masks of targets: one policy for every way in which people store them.

A pixel belongs to a target where its value is above 0, because published masks hold 0/1, 0/255,
1-bit images and in-between grays. What would make that rule wrong is recognised and refused by
name: noise of JPEG, pixels that are not to be judged, contradicting transparency.
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
"""Label that marks pixels which are not to be judged, as in PASCAL VOC and MMSegmentation."""

_NOISE = 30  # gray values up to this are noise of JPEG where there are many of them
_LEAST_NOISE_SHARE = 0.05  # of the pixels above 0; 0.037 is the most in published masks


def read_mask(
    path: str | Path, threshold: float = 0, *, void_value: int | None = None
) -> np.ndarray:
    """Read a target mask: a pixel belongs to a target where any channel exceeds ``threshold``.

    Args:
        path: Mask file of any encoding that :func:`~mmirstd.io.images.reading.read_image` reads.
            Of a palette with colours the indices count (0 is background), of gray ones the grays.
            Where all pixels have the same colour and the transparency differs, opaque pixels are
            the target.
        threshold: Value that target pixels exceed.
        void_value: Value of pixels that are not to be judged. None if there are none, which is
            right for masks of 0 and 255.

    Returns:
        uint8 array (H, W) of 0 (background), 1 (target) and, with ``void_value``, `VOID`.

    Raises:
        FileNotFoundError: There is no such file.
        ImageReadError: As for `mmirstd.io.images.reading.read_image`; or, with ``threshold`` 0, a
            mask that was compressed as JPEG, has the noise of JPEG, or holds 255 (not to be
            judged) beside the label 1; or transparency that contradicts the colours.
    """
    values = read_mask_values(path, threshold, void_value=void_value)
    return label_pixels(values, threshold, void_value)


def label_pixels(
    values: np.ndarray, threshold: float = 0, void_value: int | None = None
) -> np.ndarray:
    """Labels of the values of a mask, see :func:`read_mask`.

    Args:
        values: (H, W) or (H, W, 3). A pixel is void where all channels have the void value.
        threshold: As for :func:`read_mask`.
        void_value: As for :func:`read_mask`.
    """
    labels = binarize(values, threshold)
    if void_value is not None:
        labels[_void_pixels(values, void_value)] = VOID
    return labels


def is_all_void(labels: np.ndarray) -> bool:
    """Whether labels contain void pixels and no target.

    A mask of 0 and 255 looks like that if 255 is said to be void.
    """
    return bool((labels == VOID).any()) and not bool((labels == 1).any())


def describe_void(paths: Sequence[Path], count: int, void_value: int | None) -> list[str]:
    """A note about masks whose pixels above 0 are all void, [] if there are none.

    Args:
        paths: The masks for which :func:`is_all_void` is true.
        count: Number of all masks.
        void_value: What they were read with.
    """
    if not paths:
        return []
    return [
        f'{len(paths)} of {format_count(count, "mask")} with pixels of {void_value}, which are '
        f'left out as void, and without a target, such as {paths[0]}. If 255 is their target, '
        'leave the void value out'
    ]


def read_mask_values(
    path: str | Path, threshold: float = 0, *, void_value: int | None = None
) -> np.ndarray:
    """The values (H, W) or (H, W, 3) of a mask file that are compared with the threshold.

    Args:
        path: As for :func:`read_mask`.
        threshold: With 0 or less, ambiguous masks are refused.
        void_value: As for :func:`read_mask`.

    Raises:
        ImageReadError: As for :func:`read_mask`.
    """
    picture = read_picture(path)
    values = check_pixels(label_values(picture, str(path)), str(path))
    if threshold <= 0:
        if picture.lossy:
            raise ImageReadError(
                f'{path}: JPEG blurs masks, so pixels around a target are not 0. Store masks as '
                'PNG, or give a threshold above 0.'
            )
        if void_value is None:
            _refuse_void(values, picture, str(path))
            _refuse_noise(values, str(path))
        else:
            known = values.copy()
            known[_void_pixels(values, void_value)] = 0
            _refuse_noise(known, str(path))
    return values


def label_values(picture: Picture, source: str) -> np.ndarray:
    """What of a picture is the mask: its colours, palette indices or transparency.

    Args:
        picture: As it was decoded.
        source: What errors call it.

    Returns:
        (H, W) or (H, W, 3).

    Raises:
        ImageReadError: Transparency contradicts the colours.
    """
    if picture.indices is not None and not _is_gray_palette(picture):
        return picture.indices
    alpha = picture.alpha
    if alpha is None or alpha.min() > 0:
        return picture.pixels
    flat = picture.pixels.reshape(alpha.size, -1)
    if (flat == flat[0]).all():  # one colour everywhere: only the transparency tells
        return alpha
    if alpha.max() == 0:  # nothing is opaque: whoever wrote it did not mean the transparency
        return picture.pixels
    if not np.array_equal(alpha > 0, binarize(picture.pixels) > 0):
        raise ImageReadError(
            f'{source}: the mask is partly transparent, and its opaque pixels are not those above '
            '0, so it is unclear which are the target. Save it without transparency.'
        )
    return picture.pixels


def _void_pixels(values: np.ndarray, void_value: int) -> np.ndarray:
    is_void = values == void_value
    return is_void.all(axis=2) if is_void.ndim == 3 else is_void


def _is_gray_palette(picture: Picture) -> bool:
    """Whether the colours of a palette are grays that tell the indices apart."""
    pixels = picture.pixels
    if pixels.ndim == 3:
        if (pixels != pixels[..., :1]).any():
            return False
        pixels = pixels[..., 0]
    used = np.unique(picture.indices)
    return len(np.unique(pixels)) == len(used)


def _refuse_noise(values: np.ndarray, source: str) -> None:
    if values.dtype != np.uint8 or values.max() < 128:
        return
    is_low = values - np.uint8(1) < _NOISE  # 0 becomes 255
    low, marked = np.count_nonzero(is_low), np.count_nonzero(values)
    if low >= _LEAST_NOISE_SHARE * marked and len(np.unique(values[is_low])) >= 3:
        raise ImageReadError(
            f'{source}: values of 1 to {_NOISE} in {low} of {format_count(marked, "pixel")} above '
            '0, which looks like the noise of JPEG: was the mask saved as JPEG before? Save it '
            'from its source as PNG, or give a threshold above 0, such as 127.'
        )


def _refuse_void(values: np.ndarray, picture: Picture, source: str) -> None:
    """0, 1 and 255 are background, target and "not to be judged"; grays are something else."""
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
            f'labels {", ".join(str(label) for label in labels[:-1])}. 255 usually marks pixels '
            'that are not to be judged ("void"): to leave them out, say void_value=255 (LoadMask) '
            'or --void-value 255. If they are target, set them to 1.'
        )
