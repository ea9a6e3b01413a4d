"""Convert a training checkpoint to a small file to publish."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from mmirstd.io.outputs.atomic import write_atomically


def pack_weights(state: Mapping[str, Tensor], path: str | Path, *, half: bool = True) -> None:
    """Write a state dict as safetensors, a format that cannot contain code.

    Args:
        state: Names and tensors of a model.
        path: File to write, ``.safetensors``.
        half: Store kernels and matrices as float16. Vectors and statistics (biases, scales,
            running variances) stay float32, because they are small and can exceed the range of
            float16. Loading into a float32 model converts all of them back.

    Raises:
        ValueError: A kernel has a value outside of the range of float16.
    """
    packed = {}
    for name, value in state.items():
        value = value.detach().cpu().contiguous()
        if half and value.is_floating_point() and value.dim() > 1:
            reduced = value.to(torch.float16)
            if not torch.isfinite(reduced).all():
                raise ValueError(f'{name} does not fit into float16: pack with half=False')
            value = reduced
        packed[name] = value.clone()
    write_atomically(path, save(packed))
