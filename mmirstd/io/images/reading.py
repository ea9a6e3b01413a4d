"""Reading infrared images of any format without losing bits and without guessing.

Every image and mask of the package is read here. Orientation, palettes, polarity, planes and
transparency are applied as in a viewer; where that is impossible, an error names the file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import UnidentifiedImageError

from mmirstd.io.images import pillow
from mmirstd.io.images.limits import (
    ImageLimitError,
    ImageReadError,
    check_decoded_size,
    check_file_size,
)
from mmirstd.io.images.picture import Picture
from mmirstd.io.images.quiet import quiet_decoders
from mmirstd.io.images.tiff import SIGNATURES, TiffReader
from mmirstd.wording import format_count

_NPY_SIGNATURE = b'\x93NUMPY'


def read_image(path: str | Path) -> np.ndarray:
    """Read an image file with its original values.

    Args:
        path: PNG, BMP, JPEG, TIFF, WebP, GIF, PGM or .npy file, recognised by its content.

    Returns:
        Array (H, W), or (H, W, 3) in BGR order (OpenMMLab's order), of the file's numeric type,
        turned by the EXIF orientation. Palettes are expanded, alpha channels dropped, 1-bit images
        become 0 and 255, and a TIFF in which 0 is white is inverted.

    Raises:
        FileNotFoundError: There is no such file, or a link is broken.
        OSError: The file cannot be opened.
        ImageLimitError: The image needs more memory than `mmirstd.io.images.limits` allows.
        ImageReadError: The file is empty, truncated, not an image, has several pictures, an
            unusual shape, or contains NaN or infinite pixels.
    """
    return read_picture(path).pixels


def read_picture(path: str | Path) -> Picture:
    """Read an image file with its metadata; see :func:`read_image`."""
    return decode_picture(_content(Path(path)), str(path))


def decode_image(content: bytes, source: str) -> np.ndarray:
    """Decode an image from the content of its file, for instance from an archive.

    Args:
        content: The whole file.
        source: Name of the file in errors, which are those of :func:`read_image`.
    """
    return decode_picture(content, source).pixels


def decode_picture(content: bytes, source: str) -> Picture:
    """Decode an image with its metadata; see :func:`decode_image`."""
    if not content:
        raise ImageReadError(f'{source}: the file is empty (0 bytes)')
    with _decoding(source):
        picture = _decode(content, source)
    return _checked(picture, source)


def read_size(path: str | Path) -> tuple[int, int]:
    """(height, width) of an image file as a viewer shows it, without decoding its pixels.

    Raises:
        FileNotFoundError: There is no such file.
        ImageReadError: The header is damaged or not that of an image.
    """
    content = _content(Path(path))
    with _decoding(str(path)):
        if content.startswith(_NPY_SIGNATURE):
            height, width, *_ = _npy_header(content)[0]
            return height, width
        if content.startswith(SIGNATURES):
            with closing(TiffReader(content, str(path))) as tiff:
                return tiff.size()
        with pillow.open_image(content) as image:
            return pillow.shown_size(image)


class ImageSequence:
    """The pictures of one file: the pages of a TIFF, or the only picture of another format.

    Pages are decoded one by one, so a stack may be larger than the memory.

    Args:
        path: An image file.

    Raises:
        FileNotFoundError: There is no such file.
        ImageReadError: The file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tiff: TiffReader | None = None
        with _opened(path) as file:
            is_tiff = file.read(4) in SIGNATURES
        if is_tiff:
            with _decoding(str(path)):
                self._tiff = TiffReader(path, str(path))

    def __len__(self) -> int:
        """Number of pictures; overviews are not counted."""
        return 1 if self._tiff is None else len(self._tiff)

    def read(self, picture: int = 0) -> np.ndarray:
        """Decode one picture; see :func:`read_image`."""
        if self._tiff is None:
            return read_image(self.path)
        source = str(self.path) if len(self) == 1 else f'{self.path} page {picture}'
        with _decoding(source):
            found = self._tiff.read(picture)
        return _checked(found, source).pixels

    def close(self) -> None:
        """Release the file."""
        if self._tiff is not None:
            self._tiff.close()


def binarize(labels: np.ndarray, threshold: float = 0) -> np.ndarray:
    """(H, W) uint8: 1 where any channel of (H, W) or (H, W, C) exceeds ``threshold``, else 0."""
    mask = labels > threshold
    return np.asarray(mask.any(axis=2) if mask.ndim == 3 else mask).astype(np.uint8)


def check_pixels(image: np.ndarray, source: str) -> np.ndarray:
    """Return ``image`` as (H, W) or (H, W, 3), or raise an error if it is not an image.

    Args:
        image: Decoded array or one of the user; (H, W, 1) becomes (H, W).
        source: Name of the image in errors.

    Raises:
        ImageReadError: Wrong shape or type, no pixels, NaN or infinite pixels.
    """
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim != 2 and (image.ndim != 3 or image.shape[2] != 3):
        if image.ndim == 3 and image.shape[2] == 4:
            hint = 'Leave out the alpha channel: image[..., :3].'
        elif image.ndim == 3 and image.shape[0] in (1, 3):
            hint = 'Channels come last: image.transpose(1, 2, 0).'
        else:
            hint = 'Split stacks and multi-page files into single images.'
        raise ImageReadError(
            f'{source}: expected one image of shape (H, W), (H, W, 1) or (H, W, 3), got '
            f'{image.shape}. {hint}'
        )
    if image.size == 0:
        raise ImageReadError(f'{source}: the image has no pixels, its shape is {image.shape}')
    if image.dtype.kind not in 'biuf':
        raise ImageReadError(f'{source}: expected numeric pixels, got dtype {image.dtype}')
    if image.dtype.kind == 'f' and (bad := np.count_nonzero(~np.isfinite(image))):
        raise ImageReadError(
            f'{source}: NaN or infinite: {bad} of {format_count(image.size, "pixel value")}. '
            'Replace dead pixels before use.'
        )
    return image


def _opened(path: Path) -> BinaryIO:
    if not path.is_file():
        link = f' is a link to {path.readlink()}' if path.is_symlink() else ''
        raise FileNotFoundError(f'image file not found: {path}{link}')
    return path.open('rb')


def _content(path: Path) -> bytes:
    with _opened(path) as file:
        check_file_size(path.stat().st_size, str(path))
        return file.read()


def _decode(content: bytes, source: str) -> Picture:
    if content.startswith(_NPY_SIGNATURE):
        shape, dtype = _npy_header(content)
        height, width, *others = (*shape, 1, 1)
        channels = int(np.prod(others))
        check_decoded_size(height, width, source, channels=channels, item_size=dtype.itemsize)
        return Picture(np.load(io.BytesIO(content), allow_pickle=False), 'NPY')
    if content.startswith(SIGNATURES):
        with closing(TiffReader(content, source)) as tiff:
            if len(tiff) > 1:
                raise ValueError(f'it has {format_count(len(tiff), "page")}, expected one image')
            return tiff.read()
    try:
        return pillow.decode(content, source)
    except UnidentifiedImageError:
        raise ValueError('the content has no known image format') from None


def _npy_header(content: bytes) -> tuple[tuple[int, ...], np.dtype]:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    return shape, dtype


def _checked(picture: Picture, source: str) -> Picture:
    pixels = np.ascontiguousarray(check_pixels(picture.pixels, source))
    return replace(picture, pixels=pixels)


@contextmanager
def _decoding(source: str) -> Iterator[None]:
    """Turn the errors of decoders, which are of many types and name no file, into one."""
    try:
        with quiet_decoders():
            yield
    except ImageLimitError:
        raise
    except Exception as error:
        text = ' '.join(str(error).split()) or type(error).__name__
        raise ImageReadError(f'{source}: cannot be decoded as an image: {text}') from error
