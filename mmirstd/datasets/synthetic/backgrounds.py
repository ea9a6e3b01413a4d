"""Backgrounds by name: target-free, noise-free radiance of a scene."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .ground import fields, hills, skyline
from .noise import unit_range
from .sea import sea
from .sky import cirrus, clear_sky, cumulus, stratus

BACKGROUNDS: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    'clear': clear_sky,
    'cumulus': cumulus,
    'stratus': stratus,
    'cirrus': cirrus,
    'sea': sea,
    'hills': hills,
    'fields': fields,
    'skyline': skyline,
}
"""Name -> function (rng, (H, W)) -> relative radiance (H, W)."""

_RANGES = {'clear': (0.02, 0.25), 'stratus': (0.08, 0.45), 'sea': (0.08, 0.5)}
_RANGE_ELSEWHERE = (0.15, 0.75)


def render_background(rng: np.random.Generator, shape: tuple[int, int], kind: str) -> np.ndarray:
    """Draw one of `BACKGROUNDS` and place it within the camera's range.

    The 0.5 and 99.5 percentile of the scene get random levels, so level and contrast vary among
    images as with the automatic gain of cameras.

    Returns:
        Radiance (H, W) as a fraction of the full scale, within [0.02, 0.92].
    """
    relative = BACKGROUNDS[kind](rng, shape)
    low, high = _RANGES.get(kind, _RANGE_ELSEWHERE)
    span = rng.uniform(low, high)
    # Dark skies are the rule, bright ones the exception: favour low levels.
    floor = 0.04 + (0.86 - span) * rng.beta(1.3, 2.2)
    return floor + span * unit_range(relative)
