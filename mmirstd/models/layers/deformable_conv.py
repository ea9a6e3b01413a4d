"""Deformable convolution whose offsets come from a convolution on its own input."""

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d


class DeformableConv(nn.Module):
    """Deformable convolution v2 (Zhu et al., CVPR 2019), or v1 without modulation.

    The kernel is torchvision's. Offsets start at zero and modulation at one half, so the
    layer starts as an ordinary convolution (v1) or as half of one (v2).

    Args:
        channels: Channels of input and output.
        kernel_size: (rows, columns), both odd.
        modulated: Weight every tap by a sigmoid.
    """

    def __init__(
        self, channels: int, kernel_size: tuple[int, int], *, modulated: bool = True
    ) -> None:
        super().__init__()
        taps = kernel_size[0] * kernel_size[1]
        self.padding = (kernel_size[0] // 2, kernel_size[1] // 2)
        self.modulated = modulated
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=self.padding)
        self.offset = nn.Conv2d(
            channels, (3 if modulated else 2) * taps, kernel_size, padding=self.padding
        )
        self.reset_offset()

    def reset_offset(self) -> None:
        """Start without displacement."""
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        offset, mask = self.offset(x), None
        if self.modulated:
            taps = offset.shape[1] // 3
            offset, mask = offset[:, : 2 * taps], torch.sigmoid(offset[:, 2 * taps :])
        # The kernel does not support bfloat16, and positions in a map need more than its 8 bits.
        wide = torch.promote_types(x.dtype, torch.float32)
        return deform_conv2d(
            x.to(wide),
            offset.to(wide),
            self.conv.weight.to(wide),
            self.conv.bias.to(wide),
            padding=self.padding,
            mask=None if mask is None else mask.to(wide),
        ).to(x.dtype)
