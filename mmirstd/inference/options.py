"""How a detector works, whatever file its model comes from."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
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
        threshold: A pixel is a target where its probability is above; None takes the model's own.
        tile_size: Side in pixels of the tiles into which larger frames are cut; None takes the
            size up to which published weights were checked. Other models get whole frames then,
            which they usually shrink and with them the targets.
        overlap: Pixels that tiles share at least; None means a quarter of a tile.
        blend: 'cosine' or 'linear', how tiles are blended.
        intensity_range: Sensor values that become 0 and 255 ('dtype', 'minmax', 'percentile' or
            (low, high)), see `mmirstd.LoadIRImage`; None takes the model's own.
        tta: Average probabilities over the image and its three mirror images; four times the
            work.

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
        if self.threshold is not None and not 0 <= self.threshold < 1:
            raise ValueError(
                f'threshold={self.threshold} must be a probability, 0 <= threshold < 1'
            )
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
        """These options with other values of some fields.

        Args:
            changes: Field -> value; old names work and warn.
            where: What errors and warnings name.

        Raises:
            TypeError: A name is unknown.
            ValueError: A value is out of range.
        """
        changes = rename_arguments(changes, _OLD_NAMES, where)
        known = [field.name for field in fields(self)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise TypeError(f'{where}: unknown option {unknown[0]}; options are {", ".join(known)}')
        return replace(self, **changes)

    def completed(self, own: DetectorOptions) -> DetectorOptions:
        """These options with the values of ``own``, a model's, where they leave the choice."""
        return replace(
            self,
            threshold=own.threshold if self.threshold is None else self.threshold,
            tile_size=own.tile_size if self.tile_size is None else self.tile_size,
            intensity_range=(
                own.intensity_range if self.intensity_range is None else self.intensity_range
            ),
        )
