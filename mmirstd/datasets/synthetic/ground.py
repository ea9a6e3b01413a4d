"""Ground: wooded hills, fields and roads from above, built-up skylines.

Radiance is relative, (H, W), as in :mod:`mmirstd.datasets.synthetic.sky`.
"""

from __future__ import annotations

import numpy as np

from .noise import fractal, grid, profile, ridged, smoothstep, unit_range, warp
from .sky import cirrus, clear_sky, cumulus, stratus

_SKIES = (clear_sky, clear_sky, stratus, cirrus, cumulus)


def _any_sky(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return _SKIES[rng.integers(len(_SKIES))](rng, shape)


def hills(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Two to four wooded ridges behind each other, the nearest with single tree crowns."""
    height, width = shape
    rows, _ = grid(shape)
    image = 0.8 * _any_sky(rng, shape)
    layers = int(rng.integers(2, 5))
    top = height * rng.uniform(0.05, 0.5)
    step = (height - top) / layers
    far, near = rng.uniform(0.25, 0.5), rng.uniform(0.2, 0.8)
    roughness = rng.uniform(0.3, 1.0)
    soil = fractal(rng, shape, slope=1.5, coarsest=2.0, stretch=2.5)
    for layer in range(layers):
        nearness = (layer + 1) / layers
        crown = roughness * height * (0.003 + 0.012 * nearness)
        middle = top + layer * step
        ridge = middle - 0.25 * step * profile(rng, width, slope=1.9, coarsest=1.0)
        slope = smoothstep(rows - ridge[None, :], 0.0, step)
        # Single crowns make the outline ragged; the shade of the slope does not follow them.
        ridge = ridge - crown * profile(rng, width, slope=0.9, coarsest=20.0 / nearness)
        depth = rows - ridge[None, :]
        crowns = ridged(rng, shape, coarsest=24.0 - 12.0 * nearness, octaves=2)
        soil = np.roll(soil, int(rng.integers(width)), axis=1)
        # Air between camera and terrain evens out contrast with distance.
        texture = roughness * 0.4 * crowns + 0.8 * soil
        level = far + (near - far) * nearness + rng.normal(0.0, 0.05)
        rim = 0.1 * np.exp(-np.maximum(depth, 0.0) / (4.0 * crown))
        terrain = level + (0.01 + 0.07 * nearness**1.5) * texture + rim
        terrain = terrain - 0.08 * slope
        image += smoothstep(depth, -0.8, 0.8) * (terrain - image)
    return image


def fields(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Farmland from the air: patches of different temperature, furrows, tracks, huts."""
    height, width = shape
    rows, columns = grid(shape)
    tilt = rng.uniform(0.0, 0.9)
    scale = 1.0 / (1.0 - tilt + tilt * (rows + 0.15 * height) / height)
    bend = 0.03 * min(shape)
    world_rows = (rows - height) * scale + bend * fractal(rng, shape, slope=2.2)
    world_columns = (columns - width / 2) * scale + bend * fractal(rng, shape, slope=2.2)

    count = int(rng.integers(6, 24))
    extent = 1.5 * max(shape)
    seeds = rng.uniform(-extent, extent, (count * 3, 2)) * (0.7, 0.9)
    angle = rng.uniform(0.0, np.pi)
    image = np.zeros(shape)
    nearest = np.full(shape, np.inf)
    # Patches meet where two seeds are equally far in the L1 metric of a turned frame: straight
    # borders at few angles, as farmed land has.
    u = np.cos(angle) * world_columns + np.sin(angle) * world_rows
    v = np.cos(angle) * world_rows - np.sin(angle) * world_columns
    levels = rng.normal(0.0, 1.0, len(seeds))
    furrows = rng.random(len(seeds)) < 0.3
    comb = np.sin(u * rng.uniform(0.3, 0.9))
    for (seed_u, seed_v), level, furrowed in zip(seeds, levels, furrows, strict=True):
        far = np.abs(u - seed_u) + 1.6 * np.abs(v - seed_v)
        closer = far < nearest
        nearest = np.where(closer, far, nearest)
        image = np.where(closer, level + (0.4 * comb if furrowed else 0.0), image)
    image = 0.45 + rng.uniform(0.04, 0.11) * image
    image += rng.uniform(0.02, 0.06) * warp(
        fractal(rng, shape, slope=1.1, coarsest=4.0), world_rows, world_columns
    )
    image += _tracks(rng, u, v)
    for _ in range(int(rng.integers(0, 8))):
        _hut(rng, image, u, v)
    return image


def _tracks(rng: np.random.Generator, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Up to three bent bands, warmer or colder than the land, some with a bright kerb."""
    lanes = np.zeros_like(u)
    extent = np.abs(v).max()
    for _ in range(int(rng.integers(0, 4))):
        along, across = (u, v) if rng.random() < 0.5 else (v, u)
        middle = rng.uniform(-0.5, 0.5) * extent + rng.normal(0.0, 8.0) * np.sin(
            along / rng.uniform(40.0, 120.0)
        )
        half = rng.uniform(0.8, 4.0)
        band = 1.0 - smoothstep(np.abs(across - middle), half, half + 1.2)
        lanes += rng.choice([-1.0, 1.0]) * rng.uniform(0.06, 0.22) * band
    return lanes


def _hut(rng: np.random.Generator, image: np.ndarray, u: np.ndarray, v: np.ndarray) -> None:
    """Add one rectangular roof with a warm side and a cold shadow, in place."""
    height, width = image.shape
    y, x = int(rng.integers(height)), int(rng.integers(width))
    half_u, half_v = rng.uniform(5.0, 16.0, 2)
    du, dv = u - u[y, x], v - v[y, x]
    roof = (np.abs(du) < half_u) & (np.abs(dv) < half_v)
    shadow = (np.abs(du - 3.0) < half_u) & (np.abs(dv - 3.0) < half_v) & ~roof
    level = rng.uniform(0.3, 0.85)
    image[shadow] -= 0.12
    image[roof] = level + 0.08 * np.sign(dv[roof])


def skyline(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Buildings with windows, tree crowns, poles and wires in front of the sky."""
    height, width = shape
    rows, columns = grid(shape)
    image = 0.8 * _any_sky(rng, shape)
    base = height * rng.uniform(0.55, 0.95)
    texture = fractal(rng, shape, slope=1.2, coarsest=3.0)
    for _ in range(int(rng.integers(2, 9))):
        left = rng.uniform(-0.1, 1.0) * width
        wide = rng.uniform(0.05, 0.25) * width
        roof = base - rng.uniform(0.03, 0.4) * height
        inside = smoothstep(columns, left - 0.6, left + 0.6)
        inside = inside * (1.0 - smoothstep(columns, left + wide - 0.6, left + wide + 0.6))
        inside = inside * smoothstep(rows, roof - 0.6, roof + 0.6)
        facade = rng.uniform(0.3, 0.8) + 0.02 * texture
        if rng.random() < 0.6:
            pitch_y, pitch_x = rng.uniform(6.0, 14.0), rng.uniform(5.0, 12.0)
            panes = ((rows - roof) % pitch_y > 0.45 * pitch_y) & (
                (columns - left) % pitch_x > 0.5 * pitch_x
            )
            facade = facade + rng.uniform(-0.16, 0.16) * panes
        facade = facade + 0.1 * np.exp(-np.maximum(rows - roof, 0.0) / 1.5)
        image += inside * (facade - image)
    for _ in range(int(rng.integers(0, 3))):
        pole = rng.uniform(0.0, width)
        tip = base - rng.uniform(0.1, 0.5) * height
        mast = np.exp(-0.5 * ((columns - pole) / rng.uniform(0.5, 1.4)) ** 2) * (rows > tip)
        image += mast * (rng.uniform(0.3, 0.75) - image)
    for _ in range(int(rng.integers(0, 4))):
        sag = rng.uniform(0.0, 0.25) * height
        start = base - rng.uniform(0.1, 0.6) * height
        line = start + rng.normal(0.0, 0.2) * (columns - width / 2)
        line = line + sag * (1.0 - ((columns / width) - 0.5) ** 2 * 4.0)
        wire = np.exp(-0.5 * ((rows - line) / 0.6) ** 2)
        image += wire * 0.6 * (rng.uniform(0.25, 0.7) - image)
    return _foreground(rng, image, base, texture)


def _foreground(
    rng: np.random.Generator, image: np.ndarray, base: float, texture: np.ndarray
) -> np.ndarray:
    """Ground below row ``base`` and tree crowns in front of the buildings."""
    shape = image.shape
    rows, _ = grid(shape)
    soil = rng.uniform(0.35, 0.7) + 0.05 * texture
    image = image + smoothstep(rows, base - 0.7, base + 0.7) * (soil - image)
    if rng.random() < 0.7:
        crowns = fractal(rng, shape, slope=1.5, coarsest=3.0)
        weight = (rows - base) / (0.25 * shape[0])
        leaf = unit_range(ridged(rng, shape, coarsest=18.0, octaves=3))
        trees = smoothstep(crowns + 2.5 * weight, rng.uniform(0.2, 1.2), rng.uniform(1.25, 1.5))
        image = image + trees * (rng.uniform(0.25, 0.6) + 0.22 * leaf - image)
    return image
