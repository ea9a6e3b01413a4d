"""Small targets: noiseless blurred shapes, their exact masks, and the signal-to-clutter ratio.

Shapes: H, W image; h, w the small patch around one target.

Mask: the pixels where the noiseless, blurred target exceeds ``mask_fraction`` of its own peak
(default one half: the full width at half maximum of a point, the outline of a uniform body).

Signal-to-clutter ratio: SCR = |mean over the target - mean over its neighbourhood| divided by
the standard deviation over the neighbourhood, which reaches 20 px beyond the target's bounding
box. :func:`local_scr` measures it in a finished image, :mod:`.scene` sets it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, special

NEIGHBOURHOOD = 20
"""Pixels by which the SCR neighbourhood reaches beyond a target's bounding box."""
GUARD = 2
"""Pixels around every mask that do not count as background: the target's blurred skirt."""
EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)
"""Structuring element of 8-connectivity."""
_SUBSAMPLES = 5


@dataclass(frozen=True)
class Shape:
    """One noiseless, blurred target on its patch.

    Attributes:
        kind: 'point', 'ellipse', 'streak' or 'aircraft'.
        signal: Profile (h, w), peak 1, falling to about 0 at the patch border.
        mask: Footprint (h, w), one 8-connected region.
        offset: Sub-pixel position (row, column) of the centre relative to the patch's middle
            pixel, within [-0.5, 0.5].
    """

    kind: str
    signal: np.ndarray
    mask: np.ndarray
    offset: tuple[float, float]

    @property
    def area(self) -> int:
        """Pixels of the footprint."""
        return int(self.mask.sum())


def point_signal(offset: tuple[float, float], psf_sigma: float) -> np.ndarray:
    """A point source: Gaussian PSF integrated exactly over every pixel, (h, w), peak not 1."""
    half = int(np.ceil(4 * psf_sigma)) + 1
    edges = np.arange(-half, half + 2) - 0.5
    scale = psf_sigma * np.sqrt(2.0)
    rows, columns = (np.diff(special.erf((edges - position) / scale)) / 2.0 for position in offset)
    return np.outer(rows, columns)


def smallest_footprint(psf_sigma: float, mask_fraction: float) -> int:
    """Fewest pixels that a target can cover under this blur: those of a well-placed point.

    Footprints that only one in twenty sub-pixel positions gives do not count.
    """
    counts = []
    for row, column in np.ndindex(6, 6):
        signal = point_signal((row / 10, column / 10), psf_sigma)
        counts.append(int((signal > mask_fraction * signal.max()).sum()))
    return sorted(counts)[len(counts) // 20 + 1]


def _distance_to_segment(
    y: np.ndarray, x: np.ndarray, start: tuple[float, float], end: tuple[float, float]
) -> np.ndarray:
    dy, dx = end[0] - start[0], end[1] - start[1]
    length = max(dy * dy + dx * dx, 1e-12)
    t = np.clip(((y - start[0]) * dy + (x - start[1]) * dx) / length, 0.0, 1.0)
    return np.hypot(y - start[0] - t * dy, x - start[1] - t * dx)


def body_signal(
    rng: np.random.Generator, kind: str, area: float, offset: tuple[float, float], psf_sigma: float
) -> np.ndarray:
    """An extended body of about ``area`` px, blurred by the PSF and integrated over pixels.

    Drawn on a grid five times finer than the pixels. The emission falls by up to a third from
    one end to the other, and the air blurs the outline a little more the larger the body is.

    Returns:
        Profile (h, w), peak not 1.
    """
    angle = rng.uniform(0.0, 2.0 * np.pi)
    if kind == 'ellipse':
        ratio = rng.uniform(1.0, 2.5)
        half_long = np.sqrt(area * ratio / np.pi)
        half_wide = half_long / ratio
    else:
        ratio = rng.uniform(1.5, 4.5)
        # Area of a capsule: 4 * reach * radius + pi * radius^2, with reach = ratio * radius.
        half_wide = np.sqrt(area / (4.0 * ratio + np.pi))
        half_long = ratio * half_wide
        if kind == 'aircraft':  # wings add about two thirds
            half_wide, half_long = 0.78 * half_wide, 0.78 * half_long

    reach = half_long + half_wide
    blur = np.hypot(psf_sigma, rng.uniform(0.0, 0.3) * half_wide)
    half = int(np.ceil(reach + 4 * blur)) + 1
    fine = (np.arange((2 * half + 1) * _SUBSAMPLES) + 0.5) / _SUBSAMPLES - half - 0.5
    y = fine[:, None] - offset[0]
    x = fine[None, :] - offset[1]
    u = np.cos(angle) * x + np.sin(angle) * y
    v = np.cos(angle) * y - np.sin(angle) * x
    if kind == 'ellipse':
        inside = (u / half_long) ** 2 + (v / half_wide) ** 2 <= 1.0
    else:
        inside = _distance_to_segment(v, u, (0.0, -half_long), (0.0, half_long)) <= half_wide
    if kind == 'aircraft':
        root = (0.0, 0.2 * half_long)
        sweep = rng.uniform(0.0, 0.5) * half_long
        span = rng.uniform(0.6, 0.9) * half_long
        for side in (-1.0, 1.0):
            wing = (side * span, root[1] - sweep)
            inside |= _distance_to_segment(v, u, root, wing) <= 0.7 * half_wide
    emission = 1.0 - rng.uniform(0.0, 1.0 / 6.0) * (1.0 + u / max(reach, 1e-9))
    drawn = ndimage.gaussian_filter(
        inside * emission, blur * _SUBSAMPLES, mode='constant', truncate=4.0
    )
    size = 2 * half + 1
    return drawn.reshape(size, _SUBSAMPLES, size, _SUBSAMPLES).mean(axis=(1, 3))


def draw_shape(
    rng: np.random.Generator, area: tuple[int, int], psf_sigma: float, mask_fraction: float = 0.5
) -> Shape:
    """Draw one target shape whose footprint in pixels is within ``area`` (smallest, largest).

    Sizes are drawn log-uniformly; ``psf_sigma`` and ``mask_fraction`` are those of `SceneConfig`.

    Raises:
        ValueError: No shape of that area exists under this blur.
    """
    smallest, largest = area
    for _ in range(1000):
        wanted = np.exp(rng.uniform(np.log(smallest), np.log(largest + 1.0)))
        offset = tuple(rng.uniform(-0.5, 0.5, 2))
        # Below about twice the blur's own footprint an extended body looks like a point.
        if wanted < 4.4 * np.pi * psf_sigma**2 * -np.log(mask_fraction):
            kind = 'point'
            signal = point_signal(offset, psf_sigma)
        else:
            kind = ('ellipse', 'ellipse', 'streak', 'aircraft')[rng.integers(4)]
            signal = body_signal(rng, kind, wanted, offset, psf_sigma)
        signal = signal / signal.max()
        mask = signal > mask_fraction
        if smallest <= mask.sum() <= largest and ndimage.label(mask, EIGHT_NEIGHBOURS)[1] == 1:
            return Shape(kind, signal, mask, offset)
    raise ValueError(
        f'area={area}: no target of that many pixels found with psf_sigma={psf_sigma:.2f} and '
        f'mask_fraction={mask_fraction}. Widen area, or change the blur.'
    )


def neighbourhood(mask: np.ndarray, margin: int = NEIGHBOURHOOD) -> tuple[slice, slice]:
    """Bounding box of the target ``mask`` (H, W) grown by ``margin`` px, cut at the borders."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1),
    )


def local_scr(
    image: np.ndarray, target: np.ndarray, all_targets: np.ndarray | None = None
) -> float:
    """Measure the signal-to-clutter ratio of one target in a gray image (H, W).

    SCR = |mean of the target's pixels - mean of the background's| / standard deviation of the
    background's. Background is the neighbourhood (see :func:`neighbourhood`) without any target
    and without a guard band of 2 px around each.

    Args:
        image: Gray image (H, W), any numeric type.
        target: Mask (H, W) of the one target.
        all_targets: Mask (H, W) of every target in the image, None if there is only one.

    Returns:
        SCR >= 0; infinite if the background is flat; nan if the neighbourhood has no background.
    """
    window = neighbourhood(target)
    every = target if all_targets is None else all_targets | target
    background = ~ndimage.binary_dilation(every[window], EIGHT_NEIGHBOURS, iterations=GUARD)
    values = image[window].astype(float)
    if not background.any():
        return float('nan')
    clutter = values[background]
    contrast = abs(values[target[window]].mean() - clutter.mean())
    deviation = clutter.std()
    if deviation > 0.0:
        return float(contrast / deviation)
    return float('inf') if contrast > 0 else 0.0
