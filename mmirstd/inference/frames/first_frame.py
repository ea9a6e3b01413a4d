"""Warnings, shown once, about options that do not suit the first frame of a run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, MutableSet
from contextlib import contextmanager

import numpy as np

from mmirstd.datasets.intensity import IntensityRange, describe_unused_range, looks_coloured
from mmirstd.datasets.resampling import describe_shrinking

LOGGER = logging.getLogger('mmirstd')


class _Teller(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())


@contextmanager
def tell_warnings(tell: Callable[[str], None], *, only: bool = False) -> Iterator[None]:
    """Hand the warnings of the package to a function.

    Args:
        tell: Receives the text of each warning.
        only: Whether no other handler shows them.
    """
    handler = _Teller(tell)
    before = LOGGER.propagate
    LOGGER.addHandler(handler)
    LOGGER.propagate = before and not only
    try:
        yield
    finally:
        LOGGER.propagate = before
        LOGGER.removeHandler(handler)


def describe_colours(image: np.ndarray) -> str:
    """A warning that a frame of 8 bits is in colour, e.g. from a palette; '' if it is gray."""
    if not looks_coloured(image):
        return ''
    return (
        'it is in colour. A palette (pseudo-colour) hides the values of the sensor, and the model '
        'was trained on gray images: export gray frames if you can'
    )


def tell_about(
    image: np.ndarray,
    source: str,
    *,
    input_size: tuple[int, int] | None,
    intensity_range: IntensityRange,
    told: MutableSet[str],
) -> None:
    """Warn about options that do not suit the first frame of a run.

    ``input_size`` is the (height, width) of the frame in the model, None if it is cut into tiles.
    Kinds of warnings in ``told`` are not repeated, and new ones are added.
    """
    found = {
        'size': describe_shrinking(image.shape[:2], input_size) if input_size else '',
        'range': describe_unused_range(image, intensity_range),
        'colour': describe_colours(image),
    }
    for kind, text in found.items():
        if text and kind not in told:
            told.add(kind)
            LOGGER.warning('%s: %s', source, text)
