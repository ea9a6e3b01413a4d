"""Position encodings of feature maps.

Shapes: D embedding width, F = D / 2 features per axis, H and W size of the map.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mmirstd.models.layers.precision import without_autocast

Encoding = TypeVar('Encoding')


class KeptEncodings(nn.Module):
    """Base class of encodings that depend only on the size of the map.

    After `fuse` they are cached: in inference the same sizes occur again and again, and computing
    SimIRSTD's encodings takes 2 % of a prediction.
    """

    _MOST = 8
    """Number of cached sizes. A pyramid has at most this many; with more, the cache is cleared."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[tuple, Any] | None = None

    def fuse(self) -> nn.Module:
        """The same module, which caches its encodings from now on.

        See :func:`mmirstd.models.fuse.fuse_for_inference`.
        """
        self._kept = {}
        return self

    def forget(self) -> None:
        """Clear the cache; encodings are computed again when they are needed."""
        if self._kept is not None:
            self._kept = {}

    def _keep(self, make: Callable[..., Encoding], *key: object) -> Encoding:
        """``make(*key)``, or its cached result."""
        traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
        if self._kept is None or traced or torch.is_grad_enabled():
            return make(*key)
        if key not in self._kept:
            if len(self._kept) >= self._MOST:
                self._kept.clear()
            self._kept[key] = make(*key)
        return self._kept[key]


class AxisPosition:
    """A position encoding of which one half depends only on y and the other only on x.

    Adding it to tokens would cost a pass over the whole map. Its dot product with a few query
    vectors costs almost nothing, because the halves can be computed per row and per column:
    ``q . (token + position) = q . token + q_y . rows[y] + q_x . columns[x]``.

    Args:
        rows: Encoding of the rows (H, F).
        columns: Encoding of the columns (W, F).
    """

    def __init__(self, rows: Tensor, columns: Tensor) -> None:
        self.rows = rows
        self.columns = columns

    def dense(self) -> Tensor:
        """The encoding of every token (H * W, D), row by row."""
        h, w = self.rows.shape[0], self.columns.shape[0]
        rows = self.rows[:, None].expand(h, w, -1)
        columns = self.columns[None].expand(h, w, -1)
        return torch.cat([rows, columns], dim=-1).flatten(0, 1)

    def scores(self, vectors: Tensor, offset: Tensor | float = 0.0) -> Tensor:
        """Dot products (N, K, H * W) of ``vectors`` (N, K, D) with the encoding of each token.

        ``offset`` (N, K, 1) is added to all of them.
        """
        y, x = vectors.chunk(2, dim=-1)
        row_scores = y @ self.rows.to(y.dtype).t() + offset
        column_scores = x @ self.columns.to(x.dtype).t()
        return (row_scores[..., :, None] + column_scores[..., None, :]).flatten(2)


def sine_features(angle: Tensor, features: int, temperature: float = 10000.0) -> Tensor:
    """Sines and cosines, alternating, of ``angle`` (...) at a geometric series of wavelengths.

    Args:
        angle: Angle in radians.
        features: Number of features, F.
        temperature: Base of the series.

    Returns:
        (..., F).
    """
    index = torch.arange(features, dtype=torch.float32, device=angle.device)
    wavelength = temperature ** (2 * torch.div(index, 2, rounding_mode='floor') / features)
    phase = angle[..., None] / wavelength
    return torch.stack([phase[..., 0::2].sin(), phase[..., 1::2].cos()], dim=-1).flatten(-2)


class SinePosition(KeptEncodings):
    """Normalised sine encoding, y features first (DETR; SimIRSTD release: 128 per axis).

    Args:
        features: Features per axis, F; the encoding is 2 F wide.
        temperature: Base of the geometric series of wavelengths.
    """

    def __init__(self, features: int, temperature: float = 10000.0) -> None:
        super().__init__()
        self.features = features
        self.temperature = temperature

    def forward(self, height: int, width: int, like: Tensor) -> AxisPosition:
        """Encode a ``height`` x ``width`` map on the device of ``like``, in float32."""
        return self._keep(self._make, height, width, like.device)

    def _make(self, height: int, width: int, device: torch.device) -> AxisPosition:
        return AxisPosition(self._axis(height, device), self._axis(width, device))

    def _axis(self, size: int, device: torch.device) -> Tensor:
        # Coordinates count from 1 to size and are scaled to (0, 2 pi]; 1e-6 as in DETR.
        steps = torch.arange(1, size + 1, dtype=torch.float32, device=device)
        angle = steps / (size + 1e-6) * (2 * math.pi)
        return sine_features(angle, self.features, self.temperature)


class FourierPosition(KeptEncodings):
    """SAM's random Fourier encoding of coordinates in [0, 1].

    The Gaussian matrix is a buffer and part of the checkpoint: with another matrix, the weights
    are useless.

    Args:
        features: Number of random frequencies, F; the encoding is 2 F wide, sines first.
    """

    keeps_float32 = True  # rounded frequencies would give another encoding

    def __init__(self, features: int = 128) -> None:
        super().__init__()
        self.register_buffer('positional_encoding_gaussian_matrix', torch.randn(2, features))

    def encode(self, coordinates: Tensor) -> Tensor:
        """Encode (x, y) ``coordinates`` (..., 2) in [0, 1] as (..., 2 F), in float32."""
        with without_autocast(coordinates.device.type):
            matrix = self.positional_encoding_gaussian_matrix.float()
            phase = 2 * math.pi * ((2 * coordinates.float() - 1) @ matrix)
            return torch.cat([phase.sin(), phase.cos()], dim=-1)

    def forward(self, height: int, width: int, dtype: torch.dtype | None = None) -> Tensor:
        """Encode the pixel centres of a map as tokens (height * width, 2 F).

        Args:
            height: Height of the map.
            width: Width of the map.
            dtype: Precision of the tokens; None for the precision in which they are computed.
        """
        device = self.positional_encoding_gaussian_matrix.device
        return self._keep(self._make, height, width, dtype, device)

    def _make(
        self, height: int, width: int, dtype: torch.dtype | None, device: torch.device
    ) -> Tensor:
        del device  # part of the key of the cache
        # The sine of a sum is a sum of products of sines and cosines, which needs one sine per row
        # and column instead of one per pixel.
        (sin_x, cos_x), (sin_y, cos_y) = self._axis(width, 0), self._axis(height, 1)
        sin_y, cos_y = sin_y[:, None], cos_y[:, None]
        sines = torch.addcmul(sin_x * cos_y, cos_x, sin_y)
        cosines = torch.addcmul(cos_x * cos_y, sin_x, sin_y, value=-1)
        return torch.cat([sines, cosines], dim=-1).flatten(0, 1).to(dtype or sines.dtype)

    def _axis(self, size: int, axis: int) -> tuple[Tensor, Tensor]:
        """Sines and cosines (size, F) of the phase that one axis contributes to each pixel."""
        frequencies = self.positional_encoding_gaussian_matrix[axis]
        wide = torch.promote_types(frequencies.dtype, torch.float32)
        frequencies = frequencies.to(wide)
        centres = torch.arange(size, dtype=wide, device=frequencies.device).add(0.5) / size
        phase = 2 * math.pi * (2 * centres - 1)[:, None] * frequencies
        return phase.sin(), phase.cos()
