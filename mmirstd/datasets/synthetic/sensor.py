"""The camera: optical blur, fixed-pattern noise, shot and read noise, defective pixels, digits.

Radiance and frames are fractions of the full scale, (H, W).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .noise import grid

FULL_SCALE = {8: 255, 16: 16383}
"""Bits of the file -> largest code. 16-bit files hold the 14-bit words of thermal cameras."""


@dataclass(frozen=True)
class Sensor:
    """One camera with its fixed pattern and the noise of one exposure.

    Attributes:
        psf_sigma: Standard deviation of the optical blur in pixels.
        gain: Gain of each pixel (H, W), about 1.
        offset: Offset of each pixel (H, W), fraction of the full scale.
        read_noise: Standard deviation of the signal-independent noise, fraction of full scale.
        shot_noise: Standard deviation of the photon noise at full scale; it grows with the
            square root of the signal.
        draw: The standard normal numbers (H, W) of this exposure.
        defects: True (H, W) for dead and hot pixels.
        defect_values: Values of defective pixels (H, W), elsewhere 0.
    """

    psf_sigma: float
    gain: np.ndarray
    offset: np.ndarray
    read_noise: float
    shot_noise: float
    draw: np.ndarray
    defects: np.ndarray
    defect_values: np.ndarray

    def blur(self, radiance: np.ndarray) -> np.ndarray:
        """Radiance (H, W) after the optics: convolved with a Gaussian PSF."""
        return ndimage.gaussian_filter(radiance, self.psf_sigma, mode='reflect', truncate=4.0)

    def expose(self, irradiance: np.ndarray) -> np.ndarray:
        """Frame (H, W) that the detector makes of the blurred radiance, not yet digitised.

        Calling it twice uses the same noise numbers, so two irradiances that differ by a target
        give frames that differ by that target (and its own shot noise) only.
        """
        variance = self.read_noise**2 + self.shot_noise**2 * np.maximum(irradiance, 0.0)
        frame = irradiance * self.gain + self.offset + self.draw * np.sqrt(variance)
        return np.where(self.defects, self.defect_values, frame)


def draw_sensor(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    psf_sigma: tuple[float, float],
    noise: tuple[float, float],
    pattern: tuple[float, float],
    defects: float,
) -> Sensor:
    """Draw a camera for frames of ``shape`` (H, W); the ranges are those of `SceneConfig`.

    ``psf_sigma`` is drawn uniformly, ``noise`` and ``pattern`` log-uniformly. Photon noise has a
    random share of the noise's variance. Columns carry most of the pattern, then rows, single
    pixels and slow shading.
    """
    height, width = shape
    blur = rng.uniform(*psf_sigma)
    total = np.exp(rng.uniform(*np.log(noise)))
    photon_share = rng.uniform(0.0, 0.7)
    level = np.exp(rng.uniform(*np.log(pattern)))

    rows, columns = grid(shape)
    weights = rng.dirichlet((2.0, 1.0, 1.0))
    # Columns share an amplifier, so odd and even ones have different offsets.
    column = rng.standard_normal(width)
    column = column + rng.uniform(0.0, 1.0) * rng.choice([-1.0, 1.0]) * (-1.0) ** np.arange(width)
    row = ndimage.gaussian_filter1d(rng.standard_normal(height), 0.6)
    fixed = np.sqrt(weights[0]) * column[None, :] + np.sqrt(weights[1]) * row[:, None]
    fixed = fixed + np.sqrt(weights[2]) * rng.standard_normal(shape)
    # Slow shading left by the last calibration: a few low cosine modes.
    shading = np.zeros(shape)
    for mode_y, mode_x in ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0)):
        wave = np.cos(np.pi * mode_y * rows / height) * np.cos(np.pi * mode_x * columns / width)
        shading += rng.normal(0.0, 0.6) * wave
    radius = np.hypot(rows / height - 0.5, columns / width - 0.5)
    vignette = 1.0 - rng.uniform(0.0, 0.12) * (radius / 0.707) ** 2
    gain = vignette * (1.0 + level * rng.standard_normal(width))[None, :]

    bad = np.zeros(shape, dtype=bool)
    values = np.zeros(shape)
    for _ in range(int(rng.poisson(defects))):
        y, x = int(rng.integers(height)), int(rng.integers(width))
        bad[y, x] = True
        values[y, x] = rng.uniform(0.0, 0.05) if rng.random() < 0.4 else rng.uniform(0.6, 1.0)
    return Sensor(
        psf_sigma=float(blur),
        gain=gain,
        offset=level * (fixed + 0.8 * shading),
        read_noise=float(total * np.sqrt(1.0 - photon_share)),
        shot_noise=float(total * np.sqrt(photon_share / 0.5)),
        draw=rng.standard_normal(shape),
        defects=bad,
        defect_values=values,
    )


def digitise(frame: np.ndarray, bits: int) -> np.ndarray:
    """Round a frame (H, W) to codes; values outside [0, 1] saturate.

    Args:
        frame: Fractions of the full scale.
        bits: 8 for uint8 codes 0..255, 16 for uint16 codes 0..16383 (a 14-bit converter).
    """
    if bits not in FULL_SCALE:
        raise ValueError(f'bits={bits!r}: choose one of {sorted(FULL_SCALE)}')
    codes = np.rint(np.clip(frame, 0.0, 1.0) * FULL_SCALE[bits])
    return codes.astype(np.uint8 if bits == 8 else np.uint16)
