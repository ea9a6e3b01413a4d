"""TIFF files: which pages are pictures, and what their numbers mean.

A TIFF may contain overviews of a picture and transparency masks, planes instead of pixels, gray
values in which 0 is white, and signed or floating-point samples. tifffile reads the tags. It also
decodes the pixels, unless the compression needs the package imagecodecs and that is missing. Then
Pillow (8 bits) or OpenCV (more) decodes them, if it is known to return the stored numbers.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from mmirstd.io.images.limits import check_decoded_size
from mmirstd.io.images.picture import Picture, swaps_sides
from mmirstd.io.images.pillow import convert
from mmirstd.io.images.quiet import quiet_decoders
from mmirstd.wording import format_count

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

SIGNATURES = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
"""First bytes of a TIFF and of a BigTIFF."""

_ORIENTATION = 274
_REDUCED, _TRANSPARENCY = 1, 4  # bits of NewSubfileType
_NONE, _DEFLATE, _ADOBE_DEFLATE, _PACKBITS = 1, 32946, 8, 32773
_DECODED_BY_TIFFFILE = (_NONE, _DEFLATE, _ADOBE_DEFLATE, _PACKBITS)
_LOSSY = (6, 7, 34712, 33003, 33005, 34892, 50001, 50002)  # JPEG, JPEG 2000, WebP, JPEG XL
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE = 0, 1, 2, 3
_SEPARATED, _YCBCR = 5, 6
_PLANES = 2  # PlanarConfiguration: one plane after the other


class TiffReader:
    """The pictures of one TIFF; pages are decoded one by one.

    Args:
        file: Path or content.
        source: Name of the file in errors.

    Raises:
        ValueError: The file is damaged or contains no picture.
    """

    def __init__(self, file: Path | bytes, source: str) -> None:
        import tifffile

        self._file, self.source = file, source
        self._lock = threading.Lock()
        with quiet_decoders():
            self._tiff: TiffFile = tifffile.TiffFile(
                io.BytesIO(file) if isinstance(file, bytes) else file
            )
            self.numbers = _picture_numbers(self._tiff)
        self._size = self._tiff.filehandle.size

    def __len__(self) -> int:
        """Number of pictures; overviews and transparency masks are not counted."""
        return len(self.numbers)

    def close(self) -> None:
        """Release the file."""
        self._tiff.close()

    def size(self, picture: int = 0) -> tuple[int, int]:
        """(height, width) of a picture as a viewer shows it."""
        page = self._tiff.pages[self.numbers[picture]]
        height, width = page.imagelength, page.imagewidth
        return (width, height) if swaps_sides(_orientation(page)) else (height, width)

    def read(self, picture: int = 0) -> Picture:
        """Decode one picture.

        Raises:
            ValueError: It is truncated, damaged or of an unsupported kind.
        """
        number = self.numbers[picture]
        with self._lock, quiet_decoders():
            return _read_page(self._tiff.pages[number], number, self._file, self._size, self.source)


def _picture_numbers(tiff: TiffFile) -> list[int]:
    if tiff.is_imagej and (tiff.imagej_metadata or {}).get('images', 1) > len(tiff.pages) == 1:
        raise ValueError(
            'ImageJ saved a stack without pages for its planes: save it as an ordinary multi-page '
            'TIFF'
        )
    numbers = [
        number
        for number, page in enumerate(tiff.pages)  # not kept: a stack may have many thousands
        if not page.subfiletype & (_REDUCED | _TRANSPARENCY)
    ]
    if not numbers:
        raise ValueError('it contains no full picture, only overviews or transparency masks')
    return numbers


def _orientation(page: TiffPage) -> int | None:
    tag = page.tags.get(_ORIENTATION)
    return None if tag is None else int(tag.value)


def _read_page(
    page: TiffPage, number: int, file: Path | bytes, file_size: int, source: str
) -> Picture:
    if page.imagedepth != 1 or page.dtype is None:
        raise ValueError(
            f'{page.bitspersample}-bit samples of format {page.sampleformat} in '
            f'{format_count(page.imagedepth, "layer")} are not supported'
        )
    samples = page.samplesperpixel
    check_decoded_size(
        page.imagelength, page.imagewidth, source, channels=samples, item_size=page.dtype.itemsize
    )
    ends = (at + size for at, size in zip(page.dataoffsets, page.databytecounts, strict=True))
    if (end := max(ends, default=0)) > file_size:
        raise ValueError(f'it is truncated: {format_count(file_size, "byte")} of at least {end}')
    _check_meaning(page)
    lossy = page.compression in _LOSSY
    depth = page.bitspersample
    if page.photometric in (_SEPARATED, _YCBCR) or (depth < 8 and depth != 1):
        return _with_pillow(file, number, lossy)
    if page.compression in _DECODED_BY_TIFFFILE or _has_imagecodecs():
        return _with_tifffile(page, lossy).oriented(_orientation(page))
    if depth <= 8 and page.sampleformat == 1:
        return _with_pillow(file, number, lossy)
    if page.samplesperpixel == 1 and page.dtype.name in ('uint16', 'float32'):
        return _interpret(_with_pillow(file, number, lossy).pixels, page, lossy)
    return _with_opencv(page, file, number, lossy)


def _check_meaning(page: TiffPage) -> None:
    """Raise an error if the numbers would not be those that the author sees."""
    known = (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED, _YCBCR)
    name = getattr(page.photometric, 'name', page.photometric)
    if page.photometric not in known:
        raise ValueError(f'its photometric interpretation {name} is not supported')
    if page.photometric == _WHITE_IS_ZERO and page.dtype.kind not in 'bu':
        raise ValueError(f'it says that 0 is white, which has no meaning for {page.dtype} samples')
    colours = {_RGB: 3, _YCBCR: 3, _SEPARATED: 4}.get(page.photometric, 1)
    extra = page.samplesperpixel - colours
    if extra not in (0, 1):
        raise ValueError(
            f'it has {format_count(page.samplesperpixel, "plane")} ({name}): save the right one as '
            'a single picture'
        )


def _has_imagecodecs() -> bool:
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        return False
    return True


def _with_tifffile(page: TiffPage, lossy: bool) -> Picture:
    image = page.asarray(maxworkers=1)
    if page.planarconfig == _PLANES and image.ndim == 3:
        image = np.moveaxis(image, 0, -1)
    return _interpret(image, page, lossy)


def _interpret(image: np.ndarray, page: TiffPage, lossy: bool) -> Picture:
    """Stored samples (H, W) or (H, W, S) -> what they mean."""
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    image = image.astype(image.dtype.newbyteorder('='), copy=False)
    alpha = indices = None
    if image.ndim == 3 and image.shape[2] in (2, 4):
        alpha, image = image[..., -1], image[..., :-1]
    if image.ndim == 3:
        image = image[..., 0] if image.shape[2] == 1 else image[..., ::-1]
    if page.photometric == _WHITE_IS_ZERO:
        image = np.iinfo(image.dtype).max - image
    elif page.photometric == _PALETTE:
        indices, image = image, _expand(image, page.colormap)
    return Picture(image, 'TIFF', lossy, alpha, indices)


def _expand(indices: np.ndarray, palette: np.ndarray | None) -> np.ndarray:
    if palette is None or indices.max(initial=0) >= palette.shape[1]:
        raise ValueError('its palette is missing or too short')
    # The standard demands 16 bits, but some programs write 8.
    colours = palette >> 8 if palette.max() > 255 else palette
    return colours.T[:, ::-1].astype(np.uint8)[indices]


def _with_pillow(file: Path | bytes, number: int, lossy: bool) -> Picture:
    """For up to 8 bits; Pillow itself turns the picture and applies its polarity."""
    with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
        image.seek(number)
        image.load()
        return convert(image, 'TIFF', lossy)


def _with_opencv(page: TiffPage, file: Path | bytes, number: int, lossy: bool) -> Picture:
    """For more than 8 bits in the compressions of libtiff."""
    samples = () if page.samplesperpixel == 1 else (page.samplesperpixel,)
    shape, dtype = (page.imagelength, page.imagewidth, *samples), page.dtype.newbyteorder('=')
    images: Sequence[Any] = ()
    if _orientation(page) in (None, 1):  # OpenCV turns some kinds of pictures and not others
        if isinstance(file, bytes):
            data = np.frombuffer(file, np.uint8)
            span = (number, number + 1)
            _, images = cv2.imdecodemulti(data, cv2.IMREAD_UNCHANGED, None, span)
        else:
            flags = cv2.IMREAD_UNCHANGED
            _, images = cv2.imreadmulti(str(file), start=number, count=1, flags=flags)
    image = images[0] if len(images) == 1 else None
    if image is None or image.shape != shape or image.dtype != dtype:
        name = getattr(page.compression, 'name', page.compression)
        raise ValueError(
            f'its compression {name} of {page.dtype} samples needs another package: '
            "`pip install 'mmirstd[tiff]'`"
        )
    if image.ndim == 3:  # OpenCV's order -> stored order
        image = image[..., [2, 1, 0, 3][: image.shape[2]]]
    return _interpret(image, page, lossy)
