"""Weights and inputs that anyone can rebuild from names and shapes.

The expected outputs in the reference fixtures belong to these numbers: every tensor has its own
stream of random numbers, seeded by its name, so nothing but the table of names is stored.
"""

import zlib
from collections.abc import Iterable, Sequence

import numpy as np


def random_stream(name: str, seed: int) -> np.random.Generator:
    """The random numbers of the tensor called ``name``."""
    return np.random.Generator(np.random.PCG64([zlib.crc32(name.encode()), seed]))


def weight(name: str, shape: Sequence[int], seed: int) -> np.ndarray:
    """Float32 values on the scale that the layer needs to keep its outputs near one."""
    if name.endswith('num_batches_tracked'):
        return np.zeros(shape, np.float32)
    stream = random_stream(name, seed)
    scales_of_norm = len(shape) == 1 and name.endswith('weight')
    if name.endswith('running_var') or scales_of_norm:
        values = stream.uniform(0.5, 1.5, shape)
    else:
        values = stream.standard_normal(shape)
        if name.endswith('running_mean'):
            values = 0.1 * values
        elif name.endswith('sampling_offsets.bias'):  # in pixels: far enough to leave the cell
            values = 2.0 * values
        elif len(shape) >= 2:
            values = values / np.sqrt(np.prod(shape[1:], dtype=np.float64))
        else:
            values = 0.02 * values
    return np.asarray(values, np.float32)


def state_of(keys: Iterable[Sequence], seed: int) -> dict[str, np.ndarray]:
    """Weights for rows ``[name, shape]`` or ``[name, shape, dtype]``, in their order."""
    return {
        name: weight(name, shape, seed).astype(dtype[0] if dtype else np.float32)
        for name, shape, *dtype in keys
    }


def image_of(shape: Sequence[int], seed: int, name: str = 'input') -> np.ndarray:
    """Standard normal float32 values, which stand for normalised images or inner maps."""
    return random_stream(name, seed).standard_normal(tuple(shape)).astype(np.float32)


def checksum(arrays: Iterable[np.ndarray]) -> int:
    """One number for all float32 bytes, to tell another generator from another model."""
    value = 0
    for array in arrays:
        value = zlib.crc32(np.ascontiguousarray(array, '<f4').tobytes(), value)
    return value
