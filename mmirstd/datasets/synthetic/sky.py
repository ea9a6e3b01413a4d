"""Skies: clear gradient, cumulus, stratus and cirrus clouds.

Each function returns relative radiance (H, W), 0 for the coldest and 1 for the warmest object of a
scene. Clear sky is colder towards the zenith, clouds are warmer.
"""

from __future__ import annotations

import numpy as np

from .noise import fractal, grid, ridged, smoothstep, standardise, unit_range, warp


def clear_sky(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Sky without clouds: warmer towards the horizon, faint haze."""
    rows, columns = grid(shape)
    tilt = rng.normal(0.0, 0.15)
    height = 1.0 - (rows / shape[0] + tilt * (columns / shape[1] - 0.5))
    gradient = np.exp(-rng.uniform(0.3, 3.0) * np.clip(height, -0.2, 1.2))
    haze = fractal(rng, shape, slope=2.6, stretch=rng.uniform(1.0, 4.0))
    return 0.35 * gradient + rng.uniform(0.004, 0.03) * haze


def cumulus(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Heaped clouds: billows, rims sharp in places and frayed in others, one side brighter."""
    sky = clear_sky(rng, shape)
    scale = rng.uniform(0.7, 2.2)
    body = fractal(rng, shape, slope=rng.uniform(1.7, 2.2), coarsest=scale, stretch=1.8)
    billows = ridged(rng, shape, coarsest=5.0 * scale, octaves=3)
    heaped = rng.uniform(0.0, 1.0)
    thickness = body + 0.12 * heaped * billows
    cover = np.quantile(thickness, rng.uniform(0.25, 0.85))

    crispness = fractal(rng, shape, slope=2.6)
    softness = np.clip(rng.uniform(0.5, 1.3) + 0.35 * crispness, 0.2, 2.0)
    opacity = smoothstep(thickness, cover - 0.3 * softness, cover + softness)
    relief = np.gradient(thickness)
    direction = rng.uniform(0.0, 2.0 * np.pi)
    lit = np.sin(direction) * relief[0] + np.cos(direction) * relief[1]
    lit = np.tanh(0.5 * standardise(lit))
    bank = fractal(rng, shape, slope=2.2)
    depth = smoothstep(thickness, cover, cover + 2.5)
    cloud = 0.55 + 0.3 * depth + 0.08 * bank + heaped * (0.1 * lit + 0.05 * billows)
    return sky + opacity * (cloud - sky)


def stratus(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Closed grey layer with slow brightness changes and soft banks."""
    sky = clear_sky(rng, shape)
    layer = fractal(
        rng,
        shape,
        slope=rng.uniform(1.7, 2.3),
        stretch=rng.uniform(1.0, 3.0),
        angle=rng.normal(0.0, 0.4),
    )
    fibres = ridged(rng, shape, coarsest=rng.uniform(2.0, 5.0))
    return 0.5 * sky + 0.35 + rng.uniform(0.05, 0.14) * layer + rng.uniform(0.0, 0.035) * fibres


def cirrus(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Fibrous high cloud: streaks bent by a slow wind field."""
    sky = clear_sky(rng, shape)
    rows, columns = grid(shape)
    angle = rng.uniform(0.0, np.pi)
    bend = min(shape) * rng.uniform(0.02, 0.055)
    wind = fractal(rng, shape, slope=3.2)
    fibres = fractal(rng, shape, slope=1.7, coarsest=1.5, stretch=rng.uniform(3, 8), angle=angle)
    fibres = warp(fibres, rows + bend * wind, columns + 2.0 * bend * wind)
    banks = fractal(rng, shape, slope=2.0)
    puffs = fractal(rng, shape, slope=1.6, coarsest=2.0)
    share = rng.uniform(0.2, 0.7)
    density = unit_range(share * fibres + banks + 0.4 * puffs) ** rng.uniform(1.0, 2.4)
    return sky + density * (0.75 - sky)
