"""Image gradient by central differences."""

import torch
import torch.nn.functional as F
from torch import Tensor

_EPSILON = 1e-6  # keeps the root differentiable where the image is constant


def gradient_magnitude(image: Tensor) -> Tensor:
    """``sqrt(dy^2 + dx^2 + 1e-6)`` (N, C, H, W) of ``image`` (N, C, H, W), for each channel.

    ``dy`` and ``dx`` are differences over two pixels, as in ISNet; the image is padded with zeros.
    """
    padded = F.pad(image, (1, 1, 1, 1))
    dy = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    dx = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    return torch.sqrt(dy.square() + dx.square() + _EPSILON)
