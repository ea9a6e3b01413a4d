"""Products and convolutions that oneDNN computes together with the following operation.

PyTorch's compiler uses the same operators. Each caller measures whether they are faster on the
machine's processor; see `mmirstd.models.layers.tuning`.
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
    """Whether the operators can process ``x``: on a CPU, without gradients, not while tracing.

    Args:
        x: Input of the operator.
        dtype: Precision to which it will be converted. None for its own; autocast must be off then.
    """
    computed = dtype or x.dtype
    return not (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch.is_grad_enabled()
        or x.device.type != 'cpu'
        or computed not in (torch.float32, torch.bfloat16)
        or (dtype is None and autocast_is_on('cpu'))
        or not can_compute(computed)
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
    """The name of an activation that the operators support, or None."""
    if function in (torch.relu, torch.relu_, F.relu):
        return 'relu'
    return 'gelu' if function is F.gelu else None


def _weights(conv: nn.Conv2d, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    return conv.weight.to(dtype), None if conv.bias is None else conv.bias.to(dtype)


@functools.cache
def can_compute(dtype: torch.dtype) -> bool:
    """Whether this build of PyTorch has the operators and the processor runs them in ``dtype``."""
    if not torch.backends.mkldnn.is_available():
        return False
    conv = nn.Conv2d(1, 1, 1).requires_grad_(False)
    image, rows = torch.ones(1, 1, 2, 2, dtype=dtype), torch.ones(1, 2, 2, dtype=dtype)
    try:
        with torch.no_grad():
            convolve_onto(convolve(image, conv, 'gelu'), image, conv)
            linear(rows[0], rows[0], None, 'relu')
            products(rows, rows, rows)
    except (AttributeError, RuntimeError):  # no such operator, or no kernel for the processor
        return False
    return True
