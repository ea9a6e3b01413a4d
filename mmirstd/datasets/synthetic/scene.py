"""One procedural infrared scene: background, unlabelled clutter, targets, camera, ground truth."""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, field

import numpy as np
from scipy import ndimage

from .backgrounds import BACKGROUNDS, render_background
from .noise import fractal, grid, smoothstep
from .sensor import FULL_SCALE, Sensor, digitise, draw_sensor
from .targets import (
    EIGHT_NEIGHBOURS,
    GUARD,
    Shape,
    draw_shape,
    local_scr,
    neighbourhood,
    smallest_footprint,
)

GENERATOR_VERSION = 2
"""Increased whenever the same seed and configuration give other pixels than before."""
_CANDIDATES = 25
_BRIGHTEST = 0.98


@dataclass(frozen=True)
class SceneConfig:
    """What the generator draws. Ranges are (lowest, highest), both included.

    Attributes:
        size: Image size (H, W) in pixels, each at least 32.
        bits: 8, or 16 for the 14-bit words of a thermal camera in 16-bit files.
        scr: Signal-to-clutter ratio of the targets, drawn log-uniformly.
        targets: Number of targets in an image that has any, drawn uniformly.
        empty: Share of images without a target.
        area: Footprint of the targets in pixels, drawn log-uniformly.
        psf_sigma: Standard deviation of the optical blur in pixels.
        mask_fraction: Part of a target's peak above which its pixels belong to the mask.
        noise: Random noise at mid scale, fraction of the full scale.
        pattern: Residual fixed-pattern noise, fraction of the full scale.
        defects: Expected number of dead and hot pixels per image, never labelled.
        clutter: Expected number of bright unlabelled puffs and streaks per image.
        backgrounds: Names out of :data:`BACKGROUNDS`, each equally likely.
    """

    size: tuple[int, int] = (256, 256)
    bits: int = 8
    scr: tuple[float, float] = (3.0, 20.0)
    targets: tuple[int, int] = (1, 3)
    empty: float = 0.1
    area: tuple[int, int] = (1, 100)
    psf_sigma: tuple[float, float] = (0.5, 1.0)
    mask_fraction: float = 0.5
    noise: tuple[float, float] = (0.0015, 0.012)
    pattern: tuple[float, float] = (0.0005, 0.008)
    defects: float = 0.5
    clutter: float = 1.0
    backgrounds: tuple[str, ...] = field(default_factory=lambda: tuple(BACKGROUNDS))

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ValueError: Names the attribute, the value and what it may be.
        """
        if len(self.size) != 2 or min(self.size) < 32:
            raise ValueError(f'size={self.size}: give (height, width), each at least 32 px')
        if self.bits not in FULL_SCALE:
            raise ValueError(f'bits={self.bits!r}: choose one of {sorted(FULL_SCALE)}')
        for name in ('scr', 'targets', 'area', 'psf_sigma', 'noise', 'pattern'):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f'{name}=({low}, {high}): need 0 < lowest <= highest')
        for name in ('empty', 'mask_fraction'):
            value = getattr(self, name)
            if not 0 <= value <= 1 or (name == 'mask_fraction' and value in (0, 1)):
                raise ValueError(f'{name}={value}: give a share between 0 and 1')
        smallest = smallest_footprint(self.psf_sigma[1], self.mask_fraction)
        if smallest > self.area[1]:
            raise ValueError(
                f'area={tuple(self.area)}: under psf_sigma {self.psf_sigma[1]} even a point covers '
                f'{smallest} px; allow larger areas or less blur'
            )
        for name in ('defects', 'clutter'):
            if getattr(self, name) < 0:
                raise ValueError(f'{name}={getattr(self, name)}: give a count per image >= 0')
        unknown = set(self.backgrounds) - set(BACKGROUNDS)
        if unknown or not self.backgrounds:
            raise ValueError(
                f'backgrounds={list(self.backgrounds)}: choose from {sorted(BACKGROUNDS)}'
            )

    def as_dict(self) -> dict:
        """Plain lists and numbers, as written to the manifest."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class SceneTarget:
    """Ground truth of one target.

    Attributes:
        kind: Shape, see :class:`mmirstd.datasets.synthetic.targets.Shape`.
        position: True sub-pixel centre (x, y); pixel centres have integer coordinates.
        centroid: Mean (x, y) of the mask pixels.
        box: Mask extent (left, top, right, bottom), the last two exclusive.
        area: Mask pixels.
        scr: Mean signal that the target adds over its mask, divided by the standard deviation of
            the frame without targets over the neighbourhood; before the frame is digitised.
        image_scr: :func:`local_scr` in the written image. Differs from ``scr`` because the
            background under the target is not the neighbourhood's mean, and by saturation.
    """

    kind: str
    position: tuple[float, float]
    centroid: tuple[float, float]
    box: tuple[int, int, int, int]
    area: int
    scr: float
    image_scr: float


@dataclass(frozen=True)
class Scene:
    """One image with its ground truth.

    Attributes:
        image: Codes (H, W), uint8 or uint16.
        mask: Union of all footprints (H, W), bool; as many 8-connected regions as targets.
        targets: Ground truth of the targets, in the order of drawing.
        background: Name of the background.
    """

    image: np.ndarray
    mask: np.ndarray
    targets: tuple[SceneTarget, ...]
    background: str


def scene_generator(seed: int, split: str, index: int) -> np.random.Generator:
    """The generator of image ``index`` of ``split``: independent of every other image."""
    if seed < 0:
        raise ValueError(f'seed={seed}: give an integer >= 0')
    sequence = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(split.encode()), index))
    return np.random.Generator(np.random.PCG64(sequence))


def generate_scene(
    config: SceneConfig, seed: int = 0, split: str = 'train', index: int = 0
) -> Scene:
    """Draw one scene; the same arguments give the same pixels.

    The order of events is that of light: background and clutter radiance, optical blur, targets
    (drawn already blurred), detector with fixed pattern and noise, digits.
    """
    rng = scene_generator(seed, split, index)
    kind = config.backgrounds[rng.integers(len(config.backgrounds))]
    radiance = render_background(rng, config.size, kind)
    sensor = draw_sensor(
        rng,
        config.size,
        psf_sigma=config.psf_sigma,
        noise=config.noise,
        pattern=config.pattern,
        defects=config.defects,
    )
    _add_clutter(rng, radiance, int(rng.poisson(config.clutter)))
    irradiance = sensor.blur(radiance)

    count = 0
    if rng.random() >= config.empty:
        count = int(rng.integers(config.targets[0], config.targets[1] + 1))
    shapes = [
        draw_shape(rng, config.area, sensor.psf_sigma, config.mask_fraction) for _ in range(count)
    ]
    low, high = np.log(config.scr)
    ratios = np.exp(rng.uniform(low, high, count))
    placed, signal = _place(rng, irradiance, sensor, shapes, ratios)

    image = digitise(sensor.expose(irradiance + signal), config.bits)
    mask = np.zeros(config.size, dtype=bool)
    for footprint, *_ in placed:
        mask |= footprint
    targets = tuple(_describe_target(image, mask, *target) for target in placed)
    return Scene(image, mask, targets, kind)


def _add_clutter(rng: np.random.Generator, radiance: np.ndarray, count: int) -> None:
    """Add bright objects that are not targets, in place: ragged cloudlets and thin trails."""
    height, width = radiance.shape
    rows, columns = grid(radiance.shape)
    if count == 0:
        return
    ragged = fractal(rng, radiance.shape, slope=1.7, coarsest=4.0)
    for _ in range(count):
        y, x = rng.uniform(0, height), rng.uniform(0, width)
        angle = rng.uniform(0, np.pi)
        dy, dx = rows - y, columns - x
        u = np.cos(angle) * dx + np.sin(angle) * dy
        v = np.cos(angle) * dy - np.sin(angle) * dx
        if rng.random() < 0.8:
            # At half height several times larger than the largest default target: unambiguous.
            wide, ratio = rng.uniform(15.0, 28.0), rng.uniform(1.0, 2.0)
            heap = 1.5 - (u / (wide * ratio)) ** 2 - (v / wide) ** 2 + 0.5 * ragged
            form = smoothstep(heap, 0.0, rng.uniform(1.5, 4.0))
        else:
            wide = rng.uniform(0.8, 3.0)
            form = np.exp(-0.5 * (v / wide) ** 2 - (u / rng.uniform(20.0, 90.0)) ** 2)
            form *= 0.4
        radiance += rng.uniform(0.03, 0.2) * form
    np.clip(radiance, 0.0, 0.95, out=radiance)


def _place(
    rng: np.random.Generator,
    irradiance: np.ndarray,
    sensor: Sensor,
    shapes: list[Shape],
    ratios: np.ndarray,
) -> tuple[list[tuple], np.ndarray]:
    """Find a place for every shape and give it its signal-to-clutter ratio.

    A place must contain the whole footprint, have a distance to other targets and defects, and
    leave enough headroom below saturation for the ratio. After 25 tries the place with most
    headroom is used and the ratio lowered to fit; a shape without any free place is left out.

    Returns:
        One (mask (H, W), shape, (y, x) of the centre pixel, ratio) per target, and the summed
        signal (H, W).
    """
    shape = irradiance.shape
    clean = sensor.expose(irradiance)
    blocked = sensor.defects
    if blocked.any():
        blocked = ndimage.binary_dilation(blocked, EIGHT_NEIGHBOURS, iterations=GUARD)
    signal = np.zeros(shape)
    placed = []
    for form, ratio in zip(shapes, ratios, strict=True):
        best = None
        for _ in range(_CANDIDATES):
            y, x = int(rng.integers(shape[0])), int(rng.integers(shape[1]))
            footprint = _paste(form.mask, shape, y, x)
            if footprint.sum() < form.area or (footprint & blocked).any():
                continue
            clutter = clean[neighbourhood(footprint)].std()
            amplitude = ratio * clutter / form.signal[form.mask].mean()
            headroom = _BRIGHTEST - clean[footprint].max()
            fit = headroom / max(amplitude, 1e-12)
            if best is None or fit > best[0]:
                best = (fit, amplitude, footprint, y, x)
            if fit >= 1.0:
                break
        if best is None or best[0] <= 0.0:
            continue
        fit, amplitude, footprint, y, x = best
        amplitude *= min(fit, 1.0)
        signal += amplitude * _paste(form.signal, shape, y, x)
        # Two guard bands: regions stay apart, and no skirt lifts another target's footprint.
        grown = ndimage.binary_dilation(
            np.pad(form.mask, 2 * GUARD), EIGHT_NEIGHBOURS, iterations=2 * GUARD
        )
        blocked = blocked | _paste(grown, shape, y, x)
        placed.append((footprint, form, (y, x), ratio * min(fit, 1.0)))
    return placed, signal


def _paste(patch: np.ndarray, shape: tuple[int, int], y: int, x: int) -> np.ndarray:
    """Array (H, W) of zeros with the middle of ``patch`` at (y, x), cut at the borders."""
    out = np.zeros(shape, dtype=patch.dtype)
    half_y, half_x = patch.shape[0] // 2, patch.shape[1] // 2
    top, left = y - half_y, x - half_x
    rows = slice(max(top, 0), min(top + patch.shape[0], shape[0]))
    columns = slice(max(left, 0), min(left + patch.shape[1], shape[1]))
    out[rows, columns] = patch[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ]
    return out


def _describe_target(
    image: np.ndarray,
    mask: np.ndarray,
    footprint: np.ndarray,
    form: Shape,
    centre: tuple[int, int],
    ratio: float,
) -> SceneTarget:
    rows, columns = np.nonzero(footprint)
    return SceneTarget(
        kind=form.kind,
        position=(float(centre[1] + form.offset[1]), float(centre[0] + form.offset[0])),
        centroid=(float(columns.mean()), float(rows.mean())),
        box=(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1),
        area=len(rows),
        scr=float(ratio),
        image_scr=local_scr(image, footprint, mask),
    )
