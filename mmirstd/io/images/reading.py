"""Reading infrared images of any container without losing bits and without guessing.

Every image and mask of the package is read here. What a file says beside its numbers is applied
as a viewer applies it, or the file is refused by name: orientation, palettes, polarity, planes,
transparency, several pictures in one file.
"""

from __future__ import annotations

import io
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
from mmirstd.io.images.tiff import SIGNATURES, TiffReader, open_tiff
from mmirstd.wording import format_count

_NPY_SIGNATURE = b'\x93NUMPY'


def read_image(path: str | Path) -> np.ndarray:
    """Read an image file with the values that it holds.

    Args:
        path: PNG, BMP, JPEG, TIFF, WebP, GIF, PGM or .npy file, recognised by its content.

    Returns:
        Array (H, W), or (H, W, 3) in BGR order (OpenMMLab's order), of the file's own numeric
        type, turned upright as its EXIF orientation says. Palettes are expanded, alpha channels
        dropped, 1-bit images become 0 and 255, and a TIFF that counts from white to black is
        inverted.

    Raises:
        FileNotFoundError: There is no such file, or a link leads to nothing.
        OSError: The file cannot be opened.
        ImageLimitError: The image would take more memory than `mmirstd.io.images.limits` allows.
        ImageReadError: The file is empty, truncated, not an image, has several pictures, an
            unusual shape, or holds NaN or infinite pixels.
    """
    return read_picture(path).pixels


def read_picture(path: str | Path) -> Picture:
    """Read an image file with what else it says; see :func:`read_image`."""
    path = Path(path)
    content = _content(path)
    return decode_picture(content, str(path))


def decode_image(content: bytes, source: str) -> np.ndarray:
    """Decode the content of an image file, for instance of a member of an archive.

    Args:
        content: The whole file.
        source: What errors call it.

    Returns:
        As :func:`read_image`.

    Raises:
        ImageReadError: As for :func:`read_image`.
    """
    return decode_picture(content, source).pixels


def decode_picture(content: bytes, source: str) -> Picture:
    """Decode the content of an image file with what else it says; see :func:`decode_image`."""
    if not content:
        raise ImageReadError(f'{source}: the file is empty (0 bytes)')
    try:
        with quiet_decoders():
            picture = _decode(content, source)
    except ImageLimitError:
        raise
    except Exception as error:  # decoders raise many types, none of which names the file
        raise _unreadable(source, error) from error
    return _checked(picture, source)


def read_size(path: str | Path) -> tuple[int, int]:
    """Return (height, width) of an image file as a viewer shows it, without decoding its pixels.

    Raises:
        FileNotFoundError: There is no such file.
        ImageReadError: As for :func:`read_image`, as far as the header tells.
    """
    path = Path(path)
    content = _content(path)
    try:
        with quiet_decoders():
            if content.startswith(_NPY_SIGNATURE):
                height, width, *_ = _npy_header(content)[0]
                return height, width
            if content.startswith(SIGNATURES):
                with open_tiff(content, str(path)) as tiff:
                    return tiff.size()
            with pillow.open_image(content) as image:
                return pillow.shown_size(image)
    except Exception as error:  # decoders raise many types, none of which names the file
        raise _unreadable(str(path), error) from error


class ImageSequence:
    """The pictures of one file: the pages of a TIFF, one of any other format.

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
            try:
                self._tiff = TiffReader(path, str(path))
            except Exception as error:  # tifffile raises many types
                raise _unreadable(str(path), error) from error

    def __len__(self) -> int:
        """Number of pictures; overviews are not counted."""
        return 1 if self._tiff is None else len(self._tiff)

    def read(self, picture: int = 0) -> np.ndarray:
        """Decode one picture; see :func:`read_image`."""
        if self._tiff is None:
            return read_image(self.path)
        source = str(self.path) if len(self) == 1 else f'{self.path} page {picture}'
        try:
            found = self._tiff.read(picture)
        except ImageLimitError:
            raise
        except Exception as error:  # decoders raise many types, none of which names the file
            raise _unreadable(source, error) from error
        return _checked(found, source).pixels

    def close(self) -> None:
        """Release the file."""
        if self._tiff is not None:
            self._tiff.close()


def binarize(labels: np.ndarray, threshold: float = 0) -> np.ndarray:
    """Return 1 where any channel of ``labels`` (H, W) or (H, W, C) exceeds ``threshold``, else 0.

    Returns:
        uint8 array (H, W).
    """
    mask = labels > threshold
    return np.asarray(mask.any(axis=2) if mask.ndim == 3 else mask).astype(np.uint8)


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
                f'{source}: NaN or infinite: {bad} of {format_count(image.size, "pixel value")}. '
                'Replace dead pixels before use.'
            )
    return image


def _opened(path: Path) -> BinaryIO:
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(f'image file not found: {path} is a link to {path.readlink()}')
    if not path.is_file():
        raise FileNotFoundError(f'image file not found: {path}')
    return path.open('rb')


def _content(path: Path) -> bytes:
    with _opened(path) as file:
        check_file_size(path.stat().st_size, str(path))
        return file.read()


def _decode(content: bytes, source: str) -> Picture:
    if content.startswith(_NPY_SIGNATURE):
        shape, dtype = _npy_header(content)
        rows = (*shape, 1, 1)
        check_decoded_size(
            rows[0], rows[1], source, channels=int(np.prod(rows[2:])), item_size=dtype.itemsize
        )
        return Picture(np.load(io.BytesIO(content), allow_pickle=False), 'NPY')
    if content.startswith(SIGNATURES):
        with open_tiff(content, source) as tiff:
            if len(tiff) > 1:
                raise ValueError(f'it has {format_count(len(tiff), "page")}, expected one image')
            return tiff.read()
    try:
        return pillow.decode(content, source)
    except UnidentifiedImageError:
        raise ValueError('the content is of no known image format') from None


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
    return Picture(pixels, picture.container, picture.lossy, picture.alpha, picture.indices)


def _unreadable(source: str, error: Exception) -> ImageReadError:
    text = ' '.join(str(error).split()) or type(error).__name__
    return ImageReadError(f'{source}: cannot be decoded as an image: {text}')
