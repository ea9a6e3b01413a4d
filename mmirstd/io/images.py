"""Decoding infrared images and masks without losing bits and without guessing.

Pillow decodes what has at most 8 bits per channel: it expands palettes and refuses truncated
files. It reduces 16-bit colour to 8 bits without a word, so deeper files go through OpenCV, and
TIFF variants that OpenCV does not know through tifffile where that is installed.
"""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

_GRAY_MODES = ('1', 'L', 'LA', 'La')
_NUMERIC_MODES = ('I;16', 'I;16B', 'I;16L', 'I', 'F')
_BITS_PER_SAMPLE = 258  # TIFF tag
_LOSSY_SUFFIXES = ('.jpg', '.jpeg')


class ImageReadError(ValueError):
    """A file is no usable image; the message names it."""


def read_image(path: str | Path) -> np.ndarray:
    """Read an image file with the values that it holds.

    Args:
        path: PNG, BMP, JPEG, TIFF or .npy file.

    Returns:
        Array (H, W), or (H, W, 3) in BGR order (OpenMMLab's order), of the file's own numeric
        type. Palettes are expanded, alpha channels dropped, 1-bit images become 0 and 255.

    Raises:
        FileNotFoundError: There is no such file.
        ImageReadError: The file is empty, truncated, no image, has several pages, an unusual
            shape, or holds NaN or infinite pixels.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'image file not found: {path}')
    return decode_image(path.read_bytes(), str(path))


def decode_image(content: bytes, source: str) -> np.ndarray:
    """Decode the content of an image file, for instance of a member of an archive.

    Args:
        content: The whole file.
        source: Its name with its suffix; errors quote it.

    Returns:
        As :func:`read_image`.

    Raises:
        ImageReadError: As for :func:`read_image`.
    """
    if not content:
        raise ImageReadError(f'{source}: the file is empty (0 bytes)')
    try:
        image = _decode(content, Path(source).suffix.lower())
    except Exception as error:  # decoders raise many types, none of which names the file
        raise ImageReadError(f'{source}: cannot be decoded as an image: {error}') from error
    return np.ascontiguousarray(check_pixels(image, source))


def read_mask(path: str | Path, threshold: float = 0) -> np.ndarray:
    """Read a target mask: a pixel belongs to a target where any channel exceeds ``threshold``.

    Published masks hold in-between grays (IRSTD-1k), 1-bit images (MDFA) and values 0/255, so
    nothing but ``gray > 0`` finds all target pixels.

    Args:
        path: Mask file of any encoding that :func:`read_image` reads.
        threshold: Value that target pixels exceed.

    Returns:
        uint8 array (H, W) of 0 (background) and 1 (target).

    Raises:
        FileNotFoundError: There is no such file.
        ImageReadError: As for :func:`read_image`, or a JPEG file with ``threshold`` 0.
    """
    path = Path(path)
    if path.suffix.lower() in _LOSSY_SUFFIXES and threshold <= 0:
        raise ImageReadError(
            f'{path}: JPEG blurs masks, so pixels around a target are not 0. Store masks as PNG, '
            'or give a threshold above 0.'
        )
    return binarize(read_image(path), threshold)


def binarize(labels: np.ndarray, threshold: float = 0) -> np.ndarray:
    """Return 1 where any channel of ``labels`` (H, W) or (H, W, C) exceeds ``threshold``, else 0.

    Returns:
        uint8 array (H, W).
    """
    mask = labels > threshold
    return (mask.any(axis=2) if mask.ndim == 3 else mask).astype(np.uint8)


def check_pixels(image: np.ndarray, source: str) -> np.ndarray:
    """Return ``image`` as (H, W) or (H, W, 3), or raise if it cannot be an image.

    Args:
        image: Decoded or user-supplied array; (H, W, 1) is taken as (H, W).
        source: What errors call it.

    Raises:
        ImageReadError: Wrong shape or type, no pixels, NaN or infinite pixels.
    """
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim != 2 and (image.ndim != 3 or image.shape[2] != 3):
        raise ImageReadError(
            f'{source}: expected one image of shape (H, W), (H, W, 1) or (H, W, 3), got '
            f'{image.shape}. Split stacks and multi-page files into single images.'
        )
    if image.size == 0:
        raise ImageReadError(f'{source}: the image has no pixels, its shape is {image.shape}')
    if image.dtype.kind not in 'biuf':
        raise ImageReadError(f'{source}: expected numeric pixels, got dtype {image.dtype}')
    if image.dtype.kind == 'f':
        bad = int(np.count_nonzero(~np.isfinite(image)))
        if bad:
            raise ImageReadError(
                f'{source}: {bad} of {image.size} pixel values are NaN or infinite. Replace dead '
                'pixels before use.'
            )
    return image


def _decode(content: bytes, suffix: str) -> np.ndarray:
    if suffix == '.npy':
        return np.load(io.BytesIO(content), allow_pickle=False)
    try:
        return _decode_with_pillow(content)
    except UnidentifiedImageError:
        if suffix not in ('.tif', '.tiff'):
            raise ValueError('the content is of no known image format') from None
        return _decode_deep(content)


def _decode_with_pillow(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        pages = getattr(image, 'n_frames', 1)
        if pages > 1:
            raise ValueError(f'it has {pages} pages, expected one image')
        deep = _has_deep_channels(image, content)
        image.load()  # raises where the file is truncated, which OpenCV may pass over
        if deep:
            return _decode_deep(content)
        if image.mode in _NUMERIC_MODES:
            return _native(np.asarray(image))
        if image.mode in _GRAY_MODES:
            return np.asarray(image.convert('L'))
        # Not through RGBA, which would mix colours with the background.
        return np.asarray(image.convert('RGB'))[..., ::-1]


def _has_deep_channels(image: Image.Image, content: bytes) -> bool:
    """Whether a channel has more than 8 bits, which Pillow reduces in colour images."""
    if image.format == 'PNG':
        return content[24] > 8  # bit depth in the IHDR chunk
    if image.format == 'TIFF':
        return bool(np.max(image.tag_v2.get(_BITS_PER_SAMPLE, 1)) > 8)
    return False


def _decode_deep(content: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        image = _decode_with_tifffile(content)
    if image.ndim == 3 and image.shape[2] == 4:
        image = image[..., :3]
    return image


def _decode_with_tifffile(content: bytes) -> np.ndarray:
    try:
        import tifffile
    except ImportError:
        raise ValueError(
            "OpenCV cannot decode it; for more TIFF variants `pip install 'mmirstd[tiff]'`"
        ) from None
    image = tifffile.imread(io.BytesIO(content))
    # RGB as stored; everything here is BGR.
    return image[..., 2::-1] if image.ndim == 3 and image.shape[2] in (3, 4) else image


def _native(image: np.ndarray) -> np.ndarray:
    return image.astype(image.dtype.newbyteorder('='))


def read_size(path: str | Path) -> tuple[int, int]:
    """Return (height, width) of an image file; most formats need no decoding of pixels.

    Raises:
        FileNotFoundError: There is no such file.
        ImageReadError: As for :func:`read_image`.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except UnidentifiedImageError:
        return read_image(path).shape[:2]
