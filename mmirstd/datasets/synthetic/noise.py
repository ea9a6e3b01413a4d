"""Random fields from which the procedural backgrounds are made.

Shapes: H, W image height and width. Every field is float64 and drawn from the given generator, so a
scene depends only on its seed.
"""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage


def fractal(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    slope: float = 2.0,
    coarsest: float = 1.0,
    finest: float | None = None,
    stretch: float = 1.0,
    angle: float = 0.0,
) -> np.ndarray:
    """Gaussian random field with a power-law spectrum; it repeats at the image borders.

    Args:
        rng: Source of randomness.
        shape: (H, W).
        slope: Amplitude falls with frequency to this power. 0 is white noise, about 1.2 rough
            terrain, about 2 the soft structure of clouds.
        coarsest: Lowest frequency with full amplitude, in cycles per shorter image side. Lower
            frequencies are held at that amplitude.
        finest: Frequencies above are removed by a Gaussian roll-off, same unit. None keeps all.
        stretch: Structures are this many times longer along ``angle`` than across.
        angle: Direction of the long axis in radians, 0 along the rows.

    Returns:
        Field (H, W) with mean 0 and standard deviation 1.
    """
    height, width = shape
    side = min(shape)
    fy = fft.fftfreq(height)[:, None] * side
    fx = fft.rfftfreq(width)[None, :] * side
    along = fx * np.cos(angle) + fy * np.sin(angle)
    across = fy * np.cos(angle) - fx * np.sin(angle)
    squared = stretch * along**2 + across**2 / stretch
    amplitude = np.maximum(squared, coarsest**2) ** (-0.5 * slope)
    if finest is not None:
        amplitude *= np.exp(-0.5 / finest**2 * squared)
    amplitude[0, 0] = 0.0
    # Drawing the spectrum itself saves the forward transform of white noise.
    parts = rng.standard_normal((2, *amplitude.shape))
    return standardise(fft.irfft2((parts[0] + 1j * parts[1]) * amplitude, s=shape))


def ridged(
    rng: np.random.Generator, shape: tuple[int, int], *, coarsest: float, octaves: int = 4
) -> np.ndarray:
    """Sum of folded octaves |n|: round bumps between sharp creases, as cumulus billows have.

    Returns:
        Field (H, W) with mean 0 and standard deviation 1, creases dark.
    """
    total = np.zeros(shape)
    for octave in range(octaves):
        frequency = coarsest * 2**octave
        if frequency > min(shape) / 4:
            break
        field = fractal(rng, shape, slope=1.0, coarsest=frequency, finest=1.5 * frequency)
        total += np.abs(field) * 0.55**octave
    return standardise(total)


def profile(rng: np.random.Generator, length: int, *, slope: float, coarsest: float) -> np.ndarray:
    """One-dimensional fractal line (length,) with mean 0 and standard deviation 1: skylines."""
    frequency = fft.rfftfreq(length) * length
    amplitude = np.maximum(frequency, coarsest) ** -slope
    amplitude[0] = 0.0
    parts = rng.standard_normal((2, len(frequency)))
    return standardise(fft.irfft((parts[0] + 1j * parts[1]) * amplitude, n=length))


def warp(field: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Value of the periodic ``field`` at fractional coordinates (h, w), bilinear."""
    return ndimage.map_coordinates(field, (rows, columns), order=1, mode='grid-wrap')


def standardise(field: np.ndarray) -> np.ndarray:
    """Field with mean 0 and standard deviation 1; a constant field becomes 0."""
    centred = field - field.mean()
    deviation = np.sqrt(np.mean(centred * centred))
    return centred / deviation if deviation > 1e-12 else np.zeros_like(centred)


def unit_range(field: np.ndarray, low: float = 0.5, high: float = 99.5) -> np.ndarray:
    """Field scaled so that its percentiles ``low`` and ``high`` become 0 and 1, then clipped."""
    bottom, top = np.percentile(field, (low, high))
    if top - bottom < 1e-12:
        return np.zeros_like(field)
    return np.clip((field - bottom) / (top - bottom), 0.0, 1.0)


def smoothstep(field: np.ndarray, start: float | np.ndarray, end: float | np.ndarray) -> np.ndarray:
    """0 below ``start``, 1 above ``end``, the smooth cubic between: soft edges."""
    t = np.clip((field - start) / (end - start), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def grid(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Row and column index of every pixel, (H, 1) and (1, W), float64."""
    return np.arange(shape[0], dtype=float)[:, None], np.arange(shape[1], dtype=float)[None, :]
