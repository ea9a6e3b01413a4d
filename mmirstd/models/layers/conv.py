"""Convolution blocks of SimIRSTD and the layout change between maps and tokens."""

from __future__ import annotations

import functools
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmirstd.models.layers.precision import autocast_is_on
from mmirstd.models.layers.tuning import fastest
from mmirstd.models.layers.winograd import WinogradConv2d, applies


class ConvBNGELU(nn.Sequential):
    """1x1 convolution without bias, BatchNorm and exact GELU: how maps enter another width.

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
        """The same function in eval mode with the norm folded into the convolution.

        See :func:`mmirstd.models.fuse.fuse_for_inference`.
        """
        return ConvGELU(fuse_conv_bn_eval(self.conv.eval(), self.bn.eval()))


class ConvGELU(nn.Module):
    """A convolution and exact GELU, for inference: on a CPU in one pass over the map.

    The pass is oneDNN's, which PyTorch's compiler uses as well. It is taken where a short
    measurement finds it faster than convolution and activation one after the other: float32 or
    bfloat16 on a CPU, no gradient, not while a graph is traced.

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
        direct = (
            torch.compiler.is_compiling()
            or torch.jit.is_tracing()
            or torch.is_grad_enabled()
            or x.device.type != 'cpu'
            or dtype not in (torch.float32, torch.bfloat16)
            or not _has_one_pass()
        )
        return self._compute(x, dtype, one_pass=not direct and self._choice(x, dtype))

    def _choice(self, x: Tensor, dtype: torch.dtype) -> bool:
        """Whether one pass is faster on this processor, timed once on a few rows of ``x``."""
        rows = x[:1, :, :32]
        shape = (*self.conv.weight.shape, *self.conv.stride, rows.shape[2], x.shape[3].bit_length())
        ways = {
            one_pass: partial(self._compute, rows, dtype, one_pass=one_pass)
            for one_pass in (True, False)
        }
        return fastest(('gelu', *shape, dtype, torch.get_num_threads()), ways)

    def _compute(self, x: Tensor, dtype: torch.dtype, *, one_pass: bool) -> Tensor:
        conv = self.conv
        if not one_pass:
            return F.gelu(conv(x))
        bias = None if conv.bias is None else conv.bias.to(dtype)
        return torch.ops.mkldnn._convolution_pointwise(
            x.to(dtype), conv.weight.to(dtype), bias, conv.padding, conv.stride, conv.dilation,
            conv.groups, 'gelu', [], 'none',
        )  # fmt: skip


@functools.cache
def _has_one_pass() -> bool:
    """Whether this build of PyTorch has the operator."""
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, '_convolution_pointwise'
    )


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
