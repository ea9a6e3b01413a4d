"""Convolution blocks of SimIRSTD and the layout change between maps and tokens."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmirstd.models.layers import one_pass
from mmirstd.models.layers.precision import autocast_is_on
from mmirstd.models.layers.tuning import fastest
from mmirstd.models.layers.winograd import WinogradConv2d, applies

_SMALL = 20480
"""Elements of a map up to which PyTorch does not use oneDNN."""


class ConvBNGELU(nn.Sequential):
    """1x1 convolution without bias, batch norm and exact GELU, to change the width of a map.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.act = nn.GELU()

    @torch.no_grad()
    def fuse(self) -> nn.Module:
        """The same function in evaluation mode with the norm folded into the convolution.

        See :func:`mmirstd.models.fuse.fuse_for_inference`.
        """
        return ConvGELU(fuse_conv_bn_eval(self.conv.eval(), self.bn.eval()))


class ConvGELU(nn.Module):
    """A convolution and exact GELU, for inference: on a CPU in one pass over the map.

    One pass is used if a short measurement finds it faster than the convolution followed by the
    activation. This is tried for float32 or bfloat16 on a CPU, without gradients and not while a
    graph is traced.

    Args:
        conv: The convolution, with zero padding given in pixels.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, O, h, w)."""
        autocast = x.device.type == 'cpu' and autocast_is_on('cpu')
        dtype = torch.get_autocast_dtype('cpu') if autocast else x.dtype
        usable = one_pass.is_usable(x, dtype)
        return self._compute(x, dtype, in_one_pass=usable and self._choice(x, dtype))

    def _choice(self, x: Tensor, dtype: torch.dtype) -> bool:
        """Whether one pass is faster on this processor, timed once on a few rows of ``x``."""
        rows = x[:1, :, :32]
        shape = (*self.conv.weight.shape, *self.conv.stride, rows.shape[2], x.shape[3].bit_length())
        ways = {way: partial(self._compute, rows, dtype, in_one_pass=way) for way in (True, False)}
        return fastest(('gelu', *shape, dtype, torch.get_num_threads()), ways)

    def _compute(self, x: Tensor, dtype: torch.dtype, *, in_one_pass: bool) -> Tensor:
        if in_one_pass:
            return one_pass.convolve(x.to(dtype), self.conv, 'gelu')
        return F.gelu(self.conv(x))


class PointwiseConv2d(nn.Conv2d):
    """A 1x1 convolution for inference, also of small maps and on a single CPU thread.

    There PyTorch computes it by a general matrix product; here a short measurement decides between
    that and oneDNN's convolution.
    """

    @classmethod
    def of(cls, conv: nn.Conv2d) -> PointwiseConv2d:
        """The same layer with the same parameters and hooks."""
        layer = cls.__new__(cls)
        layer.__dict__ = conv.__dict__.copy()
        return layer

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, O, h, w)."""
        # An exported graph must not depend on the size, so its being traced is asked first.
        if one_pass.is_usable(x) and not self._left_to_pytorch(x) and self._choice(x):
            return one_pass.convolve(x, self)
        return super().forward(x)

    @staticmethod
    def _left_to_pytorch(x: Tensor) -> bool:
        return torch.get_num_threads() > 1 and x.numel() > _SMALL

    def _choice(self, x: Tensor) -> bool:
        rows = x[:1, :, :32]
        ways = {
            False: partial(super().forward, rows),
            True: partial(one_pass.convolve, rows, self),
        }
        shape = (*self.weight.shape[:2], *rows.shape[2:])
        return fastest(('pointwise', *shape, x.dtype, torch.get_num_threads()), ways)


class ResidualConvs(nn.Module):
    """``x + second(first(x))`` for inference; on a CPU the sum is written into ``x``.

    Args:
        first: Any module.
        second: The convolution after it, which keeps the size of the map.
    """

    def __init__(self, first: nn.Module, second: nn.Conv2d) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape. ``x`` may be changed."""
        hidden = self.first(x)
        if x.dtype == hidden.dtype and one_pass.is_usable(x):
            return one_pass.convolve_onto(x, hidden, self.second)
        return x + self.second(hidden)


class Conv2d(nn.Conv2d):
    """A convolution that inference may compute in another way; see `WinogradConv2d`."""

    def fuse(self) -> nn.Module:
        """See :func:`mmirstd.models.fuse.fuse_for_inference`."""
        return WinogradConv2d(self) if applies(self) else self


def to_tokens(feature: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H * W, C); no copy if the map is in channels-last memory format."""
    return feature.flatten(2).transpose(1, 2)


def to_map(tokens: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, H * W, C) -> (N, C, H, W), a view that is in channels-last memory format."""
    return tokens.transpose(1, 2).unflatten(2, size)


def filter_map(filters: Tensor, feature: Tensor) -> Tensor:
    """Dot product of ``filters`` (N, C) with every pixel of (N, C, H, W): (N, 1, H, W)."""
    return to_map(to_tokens(feature) @ filters[..., None], tuple(feature.shape[-2:]))
