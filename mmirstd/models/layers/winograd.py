"""3x3 convolution with 2.25 multiplications per output instead of 9 (Winograd's F(4x4, 3x3)).

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), with the usual points
0, 1, -1, 2, -2 and infinity. The image is cut into 4x4 tiles, which overlap by two pixels; a tile's
convolution becomes a product in a transformed space, where the products of all tiles are one
matrix product over the channels. In float32 the root mean square of the error is below 1e-5 of that
of the result (2e-6 to 3e-6 measured; 2e-7 to 6e-7 for the direct sum, depending on the processor).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.layers.precision import autocast_is_on
from mmirstd.models.layers.tuning import fastest

TILE = 4
_REACH = TILE + 2
DIRECT = 0
BANDS = (2, 4, 8)
"""Rows of tiles at a time, to choose from: what they need should stay in the processor's cache."""

_FILTER = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)


class WinogradConv2d(nn.Module):
    """A 3x3 convolution for inference on a CPU; elsewhere it is the direct convolution.

    It is taken where a short measurement finds it faster than the direct convolution: float32
    maps on a CPU, no gradient, not while a graph is traced.

    Args:
        conv: The convolution to replace: 3x3, stride 1, padding 1.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        weight = conv.weight.detach()  # a model that carries a graph cannot be copied
        filters = torch.einsum('ia,jb,ocab->jico', _FILTER, _FILTER, weight.double().cpu())
        filters = filters.flatten(0, 1).to(weight, memory_format=torch.contiguous_format)
        self.register_buffer('filters', filters, persistent=False)  # (36, C, O)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, O, H, W)."""
        direct = (
            torch.compiler.is_compiling()
            or torch.jit.is_tracing()
            or torch.is_grad_enabled()
            or x.device.type != 'cpu'
            or x.dtype != torch.float32
            or autocast_is_on('cpu')
        )
        return self._compute(x, DIRECT if direct else self._choice(x))

    def _choice(self, x: Tensor) -> int:
        """The fastest way on this processor, timed once on a few rows of ``x``."""
        rows = x[:1, :, : TILE * max(BANDS)]
        shape = (rows.shape[1], len(self.weight), rows.shape[2], rows.shape[3].bit_length())
        ways = {band: partial(self._compute, rows, band) for band in (DIRECT, *BANDS)}
        return fastest(('winograd', *shape, torch.get_num_threads()), ways)

    def _compute(self, x: Tensor, band: int) -> Tensor:
        if band == DIRECT:
            return F.conv2d(x, self.weight, self.bias, padding=1)
        nhwc = convolve(x.permute(0, 2, 3, 1), self.filters, self.bias, band=band)
        return nhwc.permute(0, 3, 1, 2)


def applies(conv: nn.Conv2d) -> bool:
    """Whether a convolution has the form, and channels enough that trying is worth the memory."""
    return (
        conv.kernel_size == (3, 3)
        and conv.stride == conv.padding == conv.dilation == (1, 1)
        and conv.groups == 1
        and conv.padding_mode == 'zeros'
        and min(conv.in_channels, conv.out_channels) >= 32
    )


def convolve(
    images: Tensor, filters: Tensor, bias: Tensor | None = None, *, band: int = 4
) -> Tensor:
    """Convolve images.

    Args:
        images: (N, H, W, C).
        filters: Transformed filters (36, C, O).
        bias: (O,) or None.
        band: Rows of tiles at a time.

    Returns:
        (N, H, W, O).
    """
    n, height, width, _ = images.shape
    down, across = -(-height // TILE), -(-width // TILE)
    band = min(band, down)
    out = images.new_empty(n, down * TILE, across * TILE, filters.shape[2])
    buffers = _Buffers(images, band, across, filters.shape[2])
    for image, result in zip(images, out, strict=True):
        for start in range(0, down, band):
            tall = min(band, down - start)
            buffers.load(image, start * TILE)
            pixels = result[start * TILE : (start + tall) * TILE]
            pixels = pixels.view(tall, TILE, across, TILE, -1).permute(1, 3, 0, 2, 4)
            buffers.convolve(filters, pixels)
            if bias is not None:
                pixels += bias
    return out[:, :height, :width]


class _Buffers:
    """Memory for one band of tiles, reused by all bands: fresh memory is slow memory."""

    def __init__(self, like: Tensor, band: int, across: int, out_channels: int) -> None:
        channels = like.shape[-1]
        width = across * TILE + 2
        self.padded = like.new_zeros(band * TILE + 2, width, channels)
        self.vertical = like.new_empty(_REACH, band, width, channels)
        self.tiles = like.new_empty(_REACH, _REACH, band, across, channels)
        self.products = like.new_empty(_REACH, _REACH, band, across, out_channels)
        self.horizontal = like.new_empty(TILE, _REACH, band, across, out_channels)
        size = max(part[0].numel() for part in (self.vertical, self.tiles, self.products))
        self.scratch = like.new_empty(4, size)

    def load(self, image: Tensor, top: int) -> None:
        """Copy the rows around a band of ``image`` (H, W, C), zeros beyond its border."""
        first, last = max(top - 1, 0), min(top - 1 + len(self.padded), len(image))
        offset = first - (top - 1)
        self.padded[:offset] = 0
        self.padded[offset : offset + last - first, 1 : 1 + image.shape[1]] = image[first:last]
        self.padded[offset + last - first :] = 0

    def convolve(self, filters: Tensor, pixels: Tensor) -> None:
        """Write the loaded band to ``pixels`` (4, 4, tiles down, tiles across, O)."""
        tall, across = pixels.shape[2:4]
        rows = [self.padded[i::TILE][: self.vertical.shape[1]] for i in range(_REACH)]
        _transform_input(rows, self.vertical, self.scratch)
        columns = [self.vertical[:, :, j::TILE][:, :, :across] for j in range(_REACH)]
        _transform_input(columns, self.tiles, self.scratch)
        products = self.products.flatten(0, 1).flatten(1, 2)
        torch.bmm(self.tiles.flatten(0, 1).flatten(1, 2), filters, out=products)
        _transform_output(self.products, self.horizontal, self.scratch)
        horizontal = self.horizontal.transpose(0, 1)[:, :, :tall]
        _transform_output(horizontal, pixels, self.scratch)


def _transform_input(d: Sequence[Tensor], out: Tensor, scratch: Tensor) -> None:
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


def _transform_output(m: Tensor, out: Tensor, scratch: Tensor) -> None:
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
