"""3x3 convolutions with fewer multiplications (Winograd's F(4x4, 3x3) and F(2x2, 3x3)).

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), with the usual points
0, 1, -1, 2, -2 and infinity, or 0, 1, -1 and infinity. The image is split into tiles that overlap
by two pixels. The convolution of a tile becomes an element-wise product in a transformed space,
and the products of all tiles form one matrix product over the channels.

* float32: tiles of 4x4 outputs, 2.25 multiplications per output instead of 9. The root mean square
  of the error is below 1e-5 of that of the result (2e-6 to 3e-6 measured; 2e-7 to 6e-7 for the
  direct sum, depending on the processor).
* bfloat16: tiles of 2x2 outputs, 4 multiplications per output. Larger tiles amplify the rounding to
  8 bits. The error is 0.5 to 0.6 percent, that of the direct convolution 0.3 percent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.layers.precision import autocast_is_on
from mmirstd.models.layers.tuning import fastest

DIRECT = 0
TILES = {torch.float32: 4, torch.bfloat16: 2}
"""Side of the square of outputs of each tile."""

BANDS = (8, 16, 32)
"""Candidate numbers of rows per step, whose buffers should fit into the processor's cache."""

_FILTERS = {
    4: [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    2: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
}


class WinogradConv2d(nn.Module):
    """A 3x3 convolution for inference on a CPU; elsewhere it is the direct convolution.

    Winograd's algorithm is used if a short measurement finds it faster than the direct convolution.
    This is tried for float32 or bfloat16 maps on a CPU, without gradients and not while a graph is
    traced.

    Args:
        conv: The convolution to replace: 3x3, stride 1, padding 1.
    """

    keeps_float32 = True  # transformed filters are rounded once, not twice

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        self._filters: dict[torch.dtype, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, O, H, W)."""
        direct = (
            torch.compiler.is_compiling()
            or torch.jit.is_tracing()
            or torch.is_grad_enabled()
            or x.device.type != 'cpu'
            or x.dtype not in TILES
            or autocast_is_on('cpu')
        )
        return self._compute(x, DIRECT if direct else self._choice(x))

    def _choice(self, x: Tensor) -> int:
        """The fastest way on this processor, timed once on a few rows of ``x``."""
        rows = x[:1, :, : max(BANDS)]
        shape = (rows.shape[1], len(self.weight), rows.shape[2], rows.shape[3].bit_length())
        ways = {band: partial(self._compute, rows, band) for band in (DIRECT, *BANDS)}
        return fastest(('winograd', *shape, x.dtype, torch.get_num_threads()), ways)

    def _compute(self, x: Tensor, band: int) -> Tensor:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        if band == DIRECT:
            return F.conv2d(x, self.weight.to(x.dtype), bias, padding=1)
        nhwc = convolve(x.permute(0, 2, 3, 1), self._transformed(x.dtype), bias, band=band)
        return nhwc.permute(0, 3, 1, 2)

    def _transformed(self, dtype: torch.dtype) -> Tensor:
        if dtype not in self._filters:
            self._filters[dtype] = transform_filters(self.weight.detach(), TILES[dtype]).to(dtype)
        return self._filters[dtype]


def applies(conv: nn.Conv2d) -> bool:
    """Whether a convolution has a suitable form, and enough channels to be worth the memory."""
    return (
        conv.kernel_size == (3, 3)
        and conv.stride == conv.padding == conv.dilation == (1, 1)
        and conv.groups == 1
        and conv.padding_mode == 'zeros'
        and min(conv.in_channels, conv.out_channels) >= 32
    )


def transform_filters(weight: Tensor, tile: int) -> Tensor:
    """Filters (O, C, 3, 3) in the transformed space: ((tile + 2)^2, C, O), in double precision."""
    matrix = torch.tensor(_FILTERS[tile], dtype=torch.float64)
    return torch.einsum('ia,jb,ocab->jico', matrix, matrix, weight.double().cpu()).flatten(0, 1)


def convolve(
    images: Tensor, filters: Tensor, bias: Tensor | None = None, *, band: int = 16
) -> Tensor:
    """Convolve images.

    Args:
        images: (N, H, W, C).
        filters: See `transform_filters`.
        bias: (O,) or None.
        band: Rows of pixels per step.

    Returns:
        (N, H, W, O).
    """
    n, height, width, _ = images.shape
    tile = math.isqrt(len(filters)) - 2
    down, across = -(-height // tile), -(-width // tile)
    band = min(band // tile, down)
    out = images.new_empty(n, down * tile, across * tile, filters.shape[2])
    buffers = _Buffers(images, tile, band, across, filters.shape[2])
    for image, result in zip(images, out, strict=True):
        for start in range(0, down, band):
            tall = min(band, down - start)
            buffers.load(image, start * tile)
            pixels = result[start * tile : (start + tall) * tile]
            pixels = pixels.view(tall, tile, across, tile, -1).permute(1, 3, 0, 2, 4)
            buffers.convolve(filters, pixels)
            if bias is not None:
                pixels += bias
    return out[:, :height, :width]


class _Buffers:
    """Memory for one band of tiles, reused by all bands, because new memory is slow."""

    def __init__(self, like: Tensor, tile: int, band: int, across: int, out_channels: int) -> None:
        channels, reach = like.shape[-1], tile + 2
        width = across * tile + 2
        self.tile, self.reach = tile, reach
        self.padded = like.new_zeros(band * tile + 2, width, channels)
        self.vertical = like.new_empty(reach, band, width, channels)
        self.tiles = like.new_empty(reach, reach, band, across, channels)
        self.products = like.new_empty(reach, reach, band, across, out_channels)
        self.horizontal = like.new_empty(tile, reach, band, across, out_channels)
        size = max(part[0].numel() for part in (self.vertical, self.tiles, self.products))
        self.scratch = like.new_empty(4, size)

    def load(self, image: Tensor, top: int) -> None:
        """Copy the rows of a band of ``image`` (H, W, C), with zeros beyond its border."""
        first, last = max(top - 1, 0), min(top - 1 + len(self.padded), len(image))
        offset = first - (top - 1)
        self.padded[:offset] = 0
        self.padded[offset : offset + last - first, 1 : 1 + image.shape[1]] = image[first:last]
        self.padded[offset + last - first :] = 0

    def convolve(self, filters: Tensor, pixels: Tensor) -> None:
        """Write the loaded band to ``pixels`` (tile, tile, tiles down, tiles across, O)."""
        tall, across = pixels.shape[2:4]
        from_image, to_pixels = _TRANSFORMS[self.tile]
        lines = range(self.reach)
        rows = [self.padded[i :: self.tile][: self.vertical.shape[1]] for i in lines]
        from_image(rows, self.vertical, self.scratch)
        columns = [self.vertical[:, :, j :: self.tile][:, :, :across] for j in lines]
        from_image(columns, self.tiles, self.scratch)
        products = self.products.flatten(0, 1).flatten(1, 2)
        torch.bmm(self.tiles.flatten(0, 1).flatten(1, 2), filters, out=products)
        to_pixels(self.products, self.horizontal, self.scratch)
        horizontal = self.horizontal.transpose(0, 1)[:, :, :tall]
        to_pixels(horizontal, pixels, self.scratch)


def _transform_input_4(d: Sequence[Tensor], out: Tensor, scratch: Tensor) -> None:
    """Six lines of pixels of each tile to six lines in the transformed space."""
    even, odd, edge, _ = (line[: d[0].numel()].view(d[0].shape) for line in scratch)
    torch.sub(d[4], d[2], alpha=4, out=even)
    torch.sub(d[3], d[1], alpha=4, out=odd)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    torch.sub(d[4], d[2], out=even)
    torch.sub(d[3], d[1], out=odd)
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])
    torch.sub(d[0], d[2], out=edge)
    torch.add(even, edge, alpha=4, out=out[0])
    torch.sub(d[5], d[3], out=edge)
    torch.sub(edge, odd, alpha=4, out=out[5])


def _transform_output_4(m: Tensor, out: Tensor, scratch: Tensor) -> None:
    """Six lines in the transformed space to the four lines of pixels of each tile."""
    shape = m[0].shape
    near, near_odd, far, far_odd = (line[: m[0].numel()].view(shape) for line in scratch)
    torch.add(m[1], m[2], out=near)
    torch.sub(m[1], m[2], out=near_odd)
    torch.add(m[3], m[4], out=far)
    torch.sub(m[3], m[4], out=far_odd)
    torch.add(near_odd, far_odd, alpha=2, out=out[1])
    torch.add(near, far, alpha=4, out=out[2])
    torch.add(near_odd, far_odd, alpha=8, out=near_odd)
    torch.add(near_odd, m[5], out=out[3])
    torch.add(near, far, out=near)
    torch.add(near, m[0], out=out[0])


def _transform_input_2(d: Sequence[Tensor], out: Tensor, scratch: Tensor) -> None:
    """Four lines of pixels of each tile to four lines in the transformed space."""
    del scratch
    torch.sub(d[0], d[2], out=out[0])
    torch.add(d[1], d[2], out=out[1])
    torch.sub(d[2], d[1], out=out[2])
    torch.sub(d[1], d[3], out=out[3])


def _transform_output_2(m: Tensor, out: Tensor, scratch: Tensor) -> None:
    """Four lines in the transformed space to the two lines of pixels of each tile."""
    near = scratch[0][: m[0].numel()].view(m[0].shape)
    torch.add(m[0], m[1], out=near)
    torch.add(near, m[2], out=out[0])
    torch.sub(m[1], m[2], out=near)
    torch.sub(near, m[3], out=out[1])


_TRANSFORMS = {
    4: (_transform_input_4, _transform_output_4),
    2: (_transform_input_2, _transform_output_2),
}
