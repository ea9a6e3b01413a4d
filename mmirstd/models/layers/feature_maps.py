"""Padding images to multiples of a stride, cropping maps, and adding upsampled maps.

Shapes: N batch, C channels, H/W image, h/w feature map.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pad_to_multiple(
    image: Tensor, multiple: int, mode: str = 'replicate', *, minimum: int = 1
) -> Tensor:
    """Pad ``image`` (N, C, H, W) at the right and bottom to multiples of ``multiple``.

    Sides below ``minimum`` are padded to the smallest multiple that is at least ``minimum``.

    By default the border is repeated, because zeros would create an edge, and edges cause false
    alarms. Use ``mode='constant'`` for models that were trained with zeros.
    """
    height, width = image.shape[-2:]
    rows, columns = -height % multiple, -width % multiple
    if minimum > 1:
        least = -(-minimum // multiple) * multiple
        rows, columns = max(rows, least - height), max(columns, least - width)
    # Sizes that an export leaves open are symbols: to ask whether they are 0 would answer for the
    # size of the example, and the file would never pad.
    if isinstance(rows, int) and isinstance(columns, int) and rows == 0 and columns == 0:
        return image
    return F.pad(image, (0, columns, 0, rows), mode=mode)


def crop_to_image(
    feature_map: Tensor, image_size: tuple[int, int], padded_size: tuple[int, int]
) -> Tensor:
    """Cut a map (N, C, h, w) of the padded image to the part that covers the image.

    Args:
        feature_map: Map over the whole padded image, at any stride.
        image_size: (H, W) of the image.
        padded_size: (H, W) of the padded image.

    Returns:
        A view (N, C, ceil(H / stride), ceil(W / stride)).
    """
    rows, columns = (
        -(-size * cells // padded)  # rounded up: a partly covered cell belongs to the image
        for size, cells, padded in zip(image_size, feature_map.shape[-2:], padded_size, strict=True)
    )
    return feature_map[..., :rows, :columns]


def add_upsampled(fine: Tensor, coarse: Tensor) -> Tensor:
    """``fine`` (N, C, H, W) plus ``coarse`` (N, C, h, w), upsampled by nearest neighbour."""
    (height, width), (h, w) = fine.shape[-2:], coarse.shape[-2:]
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()  # its sizes may change
    if traced or (height, width) != (2 * h, 2 * w):
        return fine + F.interpolate(coarse, size=(height, width), mode='nearest')
    # Each coarse pixel is added to four fine ones, without a copy of the map in between.
    pixels = fine.permute(0, 2, 3, 1).reshape(-1, h, 2, w, 2, fine.shape[1])
    pixels = pixels + coarse.permute(0, 2, 3, 1)[:, :, None, :, None]
    return pixels.reshape(-1, height, width, fine.shape[1]).permute(0, 3, 1, 2)
