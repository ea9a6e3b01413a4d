"""Products and convolutions in which oneDNN also computes what follows them, in the same pass.

PyTorch's compiler uses the same operators. Each caller measures whether they are faster on the
processor at hand, see `mmirstd.models.layers.tuning`.
"""

from __future__ import annotations

import functools
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.layers.precision import autocast_is_on

Activation = Literal['none', 'gelu', 'relu']


def is_usable(x: Tensor, dtype: torch.dtype | None = None) -> bool:
    """Whether the operators can compute with ``x``: on a CPU, without gradient, untraced.

    Args:
        x: Input of the operator.
        dtype: Precision to which it will be converted; None for its own. Then autocast must be off.
    """
    return not (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch.is_grad_enabled()
        or x.device.type != 'cpu'
        or (dtype or x.dtype) not in (torch.float32, torch.bfloat16)
        or (dtype is None and autocast_is_on('cpu'))
        or not _exist()
    )


def convolve(x: Tensor, conv: nn.Conv2d, activation: Activation = 'none') -> Tensor:
    """``activation(conv(x))`` for ``x`` (N, C, H, W), in the precision of ``x``."""
    return torch.ops.mkldnn._convolution_pointwise(
        x, *_weights(conv, x.dtype), conv.padding, conv.stride, conv.dilation, conv.groups,
        activation, [], 'none',
    )  # fmt: skip


def convolve_onto(total: Tensor, x: Tensor, conv: nn.Conv2d) -> Tensor:
    """``total += conv(x)``: changes and returns ``total`` (N, O, h, w)."""
    return torch.ops.mkldnn._convolution_pointwise_.binary(
        total, x, *_weights(conv, x.dtype), conv.padding, conv.stride, conv.dilation, conv.groups,
        'add', 1.0, None, [], None,
    )  # fmt: skip


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    """``activation(x @ weight^T + bias)`` for ``x`` (R, C) and ``weight`` (O, C): (R, O)."""
    algorithm = 'none' if activation == 'gelu' else ''
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], algorithm)


def products(rows: Tensor, columns: Tensor, plus: Tensor | None = None) -> Tensor:
    """``rows @ columns^T + plus`` for (N, R, C), (N, S, C) and (N, R, S): (N, R, S)."""
    operator = torch.ops.mkldnn._linear_pointwise
    if plus is None:
        parts = [operator(a, b, None, 'none', [], '') for a, b in zip(rows, columns, strict=True)]
    else:
        parts = [
            operator.binary(a, other, b, None, 'add')
            for a, b, other in zip(rows, columns, plus, strict=True)
        ]
    return parts[0][None] if len(parts) == 1 else torch.stack(parts)


def known_activation(function: object) -> Activation | None:
    """The name of an activation that the operators know, or None."""
    if function in (torch.relu, torch.relu_, F.relu):
        return 'relu'
    return 'gelu' if function is F.gelu else None


def _weights(conv: nn.Conv2d, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    return conv.weight.to(dtype), None if conv.bias is None else conv.bias.to(dtype)


@functools.cache
def _exist() -> bool:
    """Whether this build of PyTorch has the operators."""
    names = '_convolution_pointwise', '_convolution_pointwise_', '_linear_pointwise'
    return torch.backends.mkldnn.is_available() and all(
        hasattr(torch.ops.mkldnn, name) for name in names
    )
