"""A copy of a model that computes in bfloat16 from its first layer to its logits."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmirstd.models.layers.position import KeptEncodings


def in_bfloat16(model: nn.Module) -> nn.Module:
    """A copy of ``model`` for inference whose weights are bfloat16.

    Autocast converts maps and weights back and forth around every product; here they are converted
    once. Norms always sum in float32. Batch norms that were not folded, modules with
    ``keeps_float32`` and the normalisation of images stay in float32.

    Args:
        model: Any model; it is not changed.
    """
    half = deepcopy(model).eval()
    for module in half.modules():
        if isinstance(module, KeptEncodings):
            module.forget()
        if isinstance(module, _BatchNorm) or getattr(module, 'keeps_float32', False):
            continue
        tensors = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        for tensor in tensors:
            if tensor.dtype == torch.float32:
                tensor.data = tensor.data.to(torch.bfloat16)
    return half
