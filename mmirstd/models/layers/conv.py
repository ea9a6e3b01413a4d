"""Convolution blocks of SimIRSTD and the layout change between maps and tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

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
        return nn.Sequential(fuse_conv_bn_eval(self.conv.eval(), self.bn.eval()), self.act)


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
