"""PNG, JPEG, BMP and similar files: OpenCV decodes deep colours, Pillow everything else."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, Jpeg2KImagePlugin, WebPImagePlugin

from mmirstd.io.images.limits import ImageReadError, check_decoded_size
from mmirstd.io.images.picture import Picture, swaps_sides
from mmirstd.wording import format_count

_PLUGINS = (Jpeg2KImagePlugin.Jpeg2KImageFile, WebPImagePlugin.WebPImageFile)  # not preloaded
FORMATS = ('PNG', 'JPEG', 'BMP', 'DIB', 'GIF', 'PPM', *(plugin.format for plugin in _PLUGINS))
"""Accepted formats, without others of Pillow: its EPS reader, for example, starts a program."""

_ORIENTATION = 274
_NUMERIC_MODES = ('I;16', 'I;16B', 'I;16L', 'I', 'F')


def open_image(content: bytes) -> Image.Image:
    """The header of an image; nothing is decoded.

    Raises:
        UnidentifiedImageError: The content has none of `FORMATS`.
    """
    return Image.open(io.BytesIO(content), formats=FORMATS)


def shown_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) as a viewer shows it."""
    # Not PNG's own getexif, which decodes the pixels.
    turned = swaps_sides(Image.Image.getexif(image).get(_ORIENTATION))
    return (image.width, image.height) if turned else (image.height, image.width)


def decode(content: bytes, source: str) -> Picture:
    """Decode the content of an image file.

    Raises:
        UnidentifiedImageError: It has none of `FORMATS`.
        ValueError: It is animated or larger than the limit.
        OSError: It is damaged.
    """
    with open_image(content) as image:
        pictures = getattr(image, 'n_frames', 1)
        # Further pictures of an MPO are previews or a second view.
        if pictures > 1 and image.format != 'MPO':
            raise ValueError(
                f'it is animated ({format_count(pictures, "frame")}): save each frame as a '
                'separate image'
            )
        deep = image.format == 'PNG' and content[24] > 8  # bit depth in the IHDR chunk
        _check_size(image, source, deep)
        lossy = _is_lossy(image, content)
        image.load()  # raises an error for truncated files, which OpenCV may accept
        orientation = image.getexif().get(_ORIENTATION)
        if deep and len(image.getbands()) > 1:  # Pillow would reduce the values to 8 bits
            picture = _decode_deep(content, image.format)
        else:
            picture = convert(image, image.format, lossy)
        return picture.oriented(orientation)


def from_pillow(image: Image.Image) -> Picture:
    """An image opened or made with Pillow, turned by its EXIF orientation.

    Raises:
        ImageReadError: Pillow cannot decode it.
    """
    source = str(getattr(image, 'filename', '') or 'Pillow image')
    container = image.format or 'Pillow'
    try:
        _check_size(image, source)
        image.load()
        orientation = image.getexif().get(_ORIENTATION)
        picture = convert(image, container, lossy=container == 'JPEG')
    except (OSError, SyntaxError) as error:
        raise ImageReadError(f'{source}: cannot be decoded as an image: {error}') from error
    # Pillow has already turned TIFF files.
    return picture if container == 'TIFF' else picture.oriented(orientation)


def convert(image: Image.Image, container: str, lossy: bool) -> Picture:
    """A loaded Pillow image with at most 8 bits per channel, or one deep channel."""
    if image.mode in _NUMERIC_MODES:
        values = np.asarray(image)
        return Picture(values.astype(values.dtype.newbyteorder('=')), container, lossy)
    alpha = indices = None
    if image.mode in ('P', 'PA'):
        indices = np.asarray(image)
        indices = indices[..., 0] if indices.ndim == 3 else indices
    if image.has_transparency_data:
        alpha = np.asarray(image.convert('RGBA'))[..., 3]
    if image.mode in ('1', 'L', 'LA', 'La'):
        pixels = np.asarray(image.convert('L'))
    else:
        # Not through RGBA, which would mix colours with the background.
        pixels = np.asarray(image.convert('RGB'))[..., ::-1]
    return Picture(pixels, container, lossy, alpha, indices)


def _check_size(image: Image.Image, source: str, deep: bool = False) -> None:
    size = 4 if image.mode in ('I', 'F') else 2 if deep or image.mode.startswith('I;16') else 1
    channels = len(image.getbands())
    check_decoded_size(image.height, image.width, source, channels=channels, item_size=size)


def _is_lossy(image: Image.Image, content: bytes) -> bool:
    if image.format == 'WEBP':
        return b'VP8 ' in content[12:64]  # 'VP8L' is lossless
    return image.format in ('JPEG', 'MPO', 'JPEG2000')


def _decode_deep(content: bytes, container: str) -> Picture:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError('OpenCV cannot decode it')
    alpha = None
    if image.ndim == 3 and image.shape[2] == 4:
        image, alpha = image[..., :3], image[..., 3]
    return Picture(image, container, alpha=alpha)
