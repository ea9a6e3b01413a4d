"""Description of an exported model for programs that use it; stored in the ONNX file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from mmirstd.datasets.intensity import IntensityRange, check_range

METADATA_KEY = 'mmirstd'
"""Key of the JSON text in the ONNX model's metadata."""


@dataclass(frozen=True, slots=True)
class Description:
    """How images are converted to the input of the model, and its output to a result.

    The graph itself does everything else: colour order, mean, standard deviation.

    Attributes:
        channels: Channels of the input: 3 for BGR (gray repeated), 1 for gray.
        intensity_range: Sensor values that become 0 and 255, see
            `mmirstd.datasets.intensity.scale_intensity`.
        percentiles: Percentiles for 'percentile'.
        divide_by_maximum: Whether images are scaled, before they are resized, so that their
            brightest value is 255, as UIU-Net is trained.
        standardize: ``tail`` and ``limit`` of `mmirstd.StandardizeImage`, by which each frame is
            standardised to zero mean and unit deviation; None for no standardisation.
        square: Side in pixels to which images are resized before the model (Pillow's bilinear,
            antialiased); the logits are resized back afterwards. None does not resize.
        align_corners: Whether resizing the logits back aligns corners.
        multiple: Height and width of the input must be multiples of this.
        threshold: Probability above which a pixel is a target.
        config: Name of the config, for information only.
        checkpoint_sha256: Checksum of the weights file; None for random weights.
    """

    channels: int = 3
    intensity_range: IntensityRange = 'dtype'
    percentiles: Sequence[float] = (0.1, 99.99)
    divide_by_maximum: bool = False
    standardize: tuple[float, float] | None = None
    square: int | None = None
    align_corners: bool = False
    multiple: int = 1
    threshold: float = 0.5
    config: str = ''
    checkpoint_sha256: str | None = None

    def __post_init__(self) -> None:
        for name in ('intensity_range', 'percentiles'):  # lists come from configs and JSON
            if not isinstance(getattr(self, name), str):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        check_range(self.intensity_range, self.percentiles)
        if self.channels not in (1, 3):
            raise ValueError(f'channels={self.channels!r} must be 1 or 3')
        if not isinstance(self.divide_by_maximum, bool):
            raise ValueError(f'divide_by_maximum={self.divide_by_maximum!r} must be true or false')
        if self.standardize is not None:
            tail, limit = self.standardize
            if not (0 <= tail < 0.5 and limit > 0):
                raise ValueError(f'standardize={self.standardize!r} must be (tail, limit)')
            object.__setattr__(self, 'standardize', (tail, limit))
        if self.square is not None and not (type(self.square) is int and self.square > 0):
            raise ValueError(f'square={self.square!r} must be a positive number of pixels')
        if not (type(self.multiple) is int and self.multiple > 0):
            raise ValueError(f'multiple={self.multiple!r} must be a positive number of pixels')
        if not 0 <= self.threshold < 1:
            raise ValueError(f'threshold={self.threshold!r} must be a probability')

    def to_metadata(self) -> dict[str, str]:
        """As entries of an ONNX file's metadata."""
        return {METADATA_KEY: json.dumps(asdict(self))}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Description:
        """Read what :meth:`to_metadata` wrote.

        Raises:
            ValueError: There is no usable description.
        """
        text = metadata.get(METADATA_KEY)
        if text is None:
            raise ValueError(f'the metadata has no entry {METADATA_KEY!r}: not exported by mmirstd')
        try:
            values = json.loads(text)
            known = {entry.name for entry in fields(cls)}
            return cls(**{key: value for key, value in values.items() if key in known})
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(
                f'the entry {METADATA_KEY!r} of the metadata is damaged: {error}'
            ) from error
