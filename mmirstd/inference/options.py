"""Options of detectors, the same for all runtimes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

from mmirstd.datasets.intensity import IntensityRange, check_range
from mmirstd.inference.frames.tiling import Tiling
from mmirstd.renamed import rename_arguments

_OLD_NAMES = {'tile': 'tile_size'}
_ANY_PERCENTILES = (0.1, 99.99)


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """Options of a detector.

    Attributes:
        threshold: A pixel is a target if its probability exceeds this, in [0, 1); None for the
            threshold of the model.
        tile_size: Side in pixels of the tiles into which larger frames are cut; None for the
            size up to which published weights were tested. Other models then get whole frames,
            which they usually shrink, including the targets.
        overlap: Smallest overlap of tiles in pixels; None for a quarter of a tile.
        blend: 'cosine' or 'linear', how tiles are blended.
        intensity_range: Sensor values that become 0 and 255 ('dtype', 'minmax', 'percentile' or
            (low, high)), see `mmirstd.LoadIRImage`; None for the range of the model.
        tta: Average probabilities over the image and its three mirror images, which takes four
            times as long.

    Raises:
        ValueError: A value is out of range.
    """

    threshold: float | None = None
    tile_size: int | None = None
    overlap: int | None = None
    blend: str = 'cosine'
    intensity_range: IntensityRange | None = None
    tta: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None:
            check_threshold(self.threshold)
        if self.tile_size is None and self.overlap is not None:
            raise ValueError(
                f'overlap={self.overlap} needs tile_size, the side of the tiles in pixels'
            )
        if self.intensity_range is not None:
            check_range(self.intensity_range, _ANY_PERCENTILES)
        _ = self.tiling

    @property
    def tiling(self) -> Tiling | None:
        """How frames are cut; None if they are not."""
        return None if self.tile_size is None else Tiling(self.tile_size, self.overlap, self.blend)

    def changed(self, changes: dict[str, Any], where: str = 'DetectorOptions') -> DetectorOptions:
        """These options with other values of some fields; old names work and warn.

        Raises:
            TypeError: A name is unknown; ``where`` is the caller in this message.
            ValueError: A value is out of range.
        """
        changes = rename_arguments(changes, _OLD_NAMES, where)
        known = [field.name for field in fields(self)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise TypeError(f'{where}: unknown option {unknown[0]}; options are {", ".join(known)}')
        return replace(self, **changes)

    def completed(self, own: DetectorOptions) -> DetectorOptions:
        """These options, with the values of ``own`` (of a model) for those that are None."""
        names = ('threshold', 'tile_size', 'intensity_range')
        absent = {name: getattr(own, name) for name in names if getattr(self, name) is None}
        return replace(self, **absent)


def check_threshold(threshold: float) -> None:
    """Refuse what cannot be a threshold of probabilities.

    Raises:
        ValueError: It is not a number in [0, 1).
    """
    if not isinstance(threshold, Real) or not 0 <= threshold < 1:
        raise ValueError(f'threshold={threshold!r} must be a probability, 0 <= threshold < 1')
