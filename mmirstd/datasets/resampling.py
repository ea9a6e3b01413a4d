"""Resize, crop and pad an image together with its mask.

Pillow resamples (bilinear with antialiasing if it shrinks, nearest for masks), as in the detectron2
training code of SimIRSTD; OpenCV's bilinear would skip small targets.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

Size = tuple[int, int]
"""(height, width) in pixels."""


def resize_image(image: np.ndarray, size: Size) -> np.ndarray:
    """Resize (H, W) or (H, W, C), uint8 or float32, bilinearly; the type does not change.

    An image that already has the size is returned itself.
    """
    if image.shape[:2] == tuple(size):
        return image
    if image.ndim == 3 and not (image.dtype == np.uint8 and image.shape[2] == 3):
        # Pillow has no float images with several channels.
        channels = [resize_image(image[..., c], size) for c in range(image.shape[2])]
        return np.stack(channels, axis=-1)
    resized = Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.array(resized)


def resize_mask(mask: np.ndarray, size: Size) -> np.ndarray:
    """Resize a uint8 label map (H, W) by taking nearest pixels."""
    if mask.shape == tuple(size):
        return mask
    return np.array(Image.fromarray(mask).resize((size[1], size[0]), Image.Resampling.NEAREST))


def scaled_size(size: Size, target: int, scale: float) -> Size:
    """Size of an image that fits into a square of ``scale`` x ``target``, at least 1 x 1.

    The aspect ratio is kept; as detectron2's ResizeScale, rounding included.
    """
    ratio = min(scale * target / size[0], scale * target / size[1])
    height, width = (max(int(np.round(side * ratio)), 1) for side in size)
    return height, width


def crop_offset(size: Size, crop: int, position: float) -> Size:
    """Top-left corner (y, x) of a square crop.

    As detectron2's FixedSizeCrop: both axes use one ``position`` in [0, 1], so crops are on the
    diagonal; an axis shorter than the crop starts at 0.
    """
    y, x = (int(np.round(max(side - crop, 0) * position)) for side in size)
    return y, x


def crop_and_pad(array: np.ndarray, offset: Size, size: int | Size, value: float) -> np.ndarray:
    """Cut a window at ``offset`` and pad it at the bottom and the right.

    Args:
        array: Array (H, W) or (H, W, C).
        offset: Top-left corner (y, x) of the window.
        size: Height and width of the result, or the side of a square.
        value: Value of padded pixels. If pixels are padded and the type of ``array`` cannot
            represent it, as with 107.8 in an 8-bit image, the result is float32.
    """
    y, x = offset
    height, width = (size, size) if isinstance(size, int) else size
    window = array[y : y + height, x : x + width]
    padding = [(0, height - window.shape[0]), (0, width - window.shape[1])]
    if not any(after for _, after in padding):
        return window
    if np.issubdtype(window.dtype, np.integer) and window.dtype.type(value) != value:
        window = window.astype(np.float32)
    padding += [(0, 0)] * (array.ndim - 2)
    return np.pad(window, padding, constant_values=value)


MOST_SHRUNK = 1.5
"""A frame that is shrunk by more than this loses targets of a few pixels."""


def describe_shrinking(size: tuple[int, int], input_size: tuple[int, int]) -> str:
    """Describe that the model sees a frame at a much smaller size; '' if it does not.

    Args:
        size: (height, width) of the frame.
        input_size: (height, width) at which the model sees it.
    """
    factor = max(side / seen for side, seen in zip(size, input_size, strict=True))
    if factor <= MOST_SHRUNK:
        return ''
    tile = min(input_size)
    return (
        f'its {size[1]} x {size[0]} pixels are shrunk to {input_size[1]} x {input_size[0]} before '
        f'the model sees them ({factor:.1f} times), so small targets vanish. Cut frames into tiles '
        f'of the size that the model was trained on: tile_size={tile} (--tile-size {tile})'
    )
