"""Sea: waves in perspective, sun glint, horizon, coast.

Radiance is relative, (H, W), as in :mod:`mmirstd.datasets.synthetic.sky`.
"""

from __future__ import annotations

import numpy as np

from .noise import fractal, grid, profile, smoothstep, warp
from .sky import cirrus, clear_sky, stratus


def sea(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Water seen obliquely; the horizon is in the picture in about two of three scenes."""
    height, width = shape
    rows, columns = grid(shape)
    horizon = height * rng.uniform(-0.5, 0.5)
    tilt = rng.normal(0.0, 0.02)
    # Rows below the horizon; distance to a flat sea is inversely proportional to them.
    below = rows - horizon - tilt * (columns - width / 2)
    drop = np.maximum(below, 0.7)
    nearest = drop.max()
    distance = nearest / drop
    foreshortening = rng.uniform(1.5, 5.0)

    water = np.zeros(shape)
    side = min(shape)
    for fineness, weight in ((1.0, 0.5), (2.7, 0.35), (7.0, 0.25)):
        texture = fractal(
            rng,
            shape,
            slope=1.3,
            coarsest=6.0,
            stretch=rng.uniform(1.2, 3.0),
            angle=rng.normal(0.0, 0.25),
        )
        across = fineness * 0.35 * (columns - width / 2) * distance
        along = fineness * foreshortening * side * 0.12 * distance
        wave = warp(texture, along + 0 * across, across)
        # A pixel averages over all waves that it covers: contrast falls with distance.
        water += weight * wave / (1.0 + 0.25 * fineness * (distance - 1.0))
    swell = fractal(rng, shape, slope=2.0, stretch=6.0)
    warmth = rng.uniform(-0.2, 0.1) * smoothstep(below, 0.0, nearest)
    image = 0.38 + warmth + rng.uniform(0.03, 0.12) * water + 0.02 * swell

    if rng.random() < 0.5:
        image = image + _glint(rng, water, distance, columns)
    sky = rng.choice([clear_sky, clear_sky, stratus, cirrus])(rng, shape)
    sky = sky * rng.uniform(0.4, 1.0) + rng.uniform(0.0, 0.2)
    if horizon > 0 and rng.random() < 0.35:
        coast = 0.03 * height * (profile(rng, width, slope=1.4, coarsest=1.5) - 0.2)
        sky = np.where(below > -np.maximum(coast, 0.0)[None, :], rng.uniform(0.3, 0.6), sky)
    edge = smoothstep(below, -0.7, 0.7)
    return sky + edge * (image - sky)


def _glint(
    rng: np.random.Generator, water: np.ndarray, distance: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Wave facets that mirror the sun: bright specks in a vertical lane."""
    width = water.shape[1]
    centre = rng.uniform(0.0, width)
    lane = np.exp(-0.5 * ((columns - centre) / (width * rng.uniform(0.08, 0.3))) ** 2)
    crests = smoothstep(water / water.std(), 1.3, 2.6)
    haze = 0.12 * lane * np.clip(np.log(distance) / 3.0, 0.0, 1.0)
    return lane * crests * rng.uniform(0.15, 0.5) + haze
