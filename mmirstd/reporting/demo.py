"""Processing of an image for the demo page of `mmirstd.reporting.demo_page`.

These are plain functions of a `Detector`, without a web framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmirstd.inference.detector import READ_ERRORS, Detector
from mmirstd.inference.frames.first_frame import tell_warnings
from mmirstd.inference.results import Detection
from mmirstd.inference.sources import find_sources
from mmirstd.reporting.writers import DetectionWriter
from mmirstd.visualization.canvas import (
    COLOURS,
    draw_outline,
    enlarge,
    enlargement,
    to_gray8,
    to_rgb,
)
from mmirstd.visualization.outcomes import UNSCORED
from mmirstd.visualization.overlay import crop_pictures, draw_overlay
from mmirstd.wording import format_count

RANGES = {
    'as the model was trained': None,
    'smallest to largest value': 'minmax',
    'percentiles 0.1 to 99.99': 'percentile',
}
"""Label -> range of sensor values, see `mmirstd.datasets.intensity.scale_intensity`."""

TABLE_COLUMNS = ('target', 'x', 'y', 'width', 'height', 'area, px', 'peak probability')

MAX_MARKED_TARGETS = 200
"""If there are more targets, they are outlined, but neither numbered nor enlarged."""

MAX_CROPS = 24


@dataclass(frozen=True)
class Answer:
    """Content of the page for one detection.

    Attributes:
        summary: One sentence.
        picture: Marked image, RGB uint8.
        crops: (enlarged surroundings RGB, caption) of the first `MAX_CROPS` targets.
        rows: One row per target, see `TABLE_COLUMNS`.
        files: Mask, picture, CSV and JSON.
    """

    summary: str
    picture: np.ndarray
    crops: list[tuple[np.ndarray, str]]
    rows: list[list[str | int | float]]
    files: list[Path]


def detect(
    detectors: Mapping[str, Detector],
    path: str | Path,
    *,
    tell: Callable[[str], None] | None = None,
    **options: Any,
) -> Detection:
    """Run one of ``detectors`` on an image file, or on the first frame of a sequence.

    Args:
        detectors: Detectors by their names on the page.
        path: Image of any bit depth.
        tell: Receives warnings about unsuitable options, see
            `mmirstd.inference.frames.first_frame`.
        options: See :func:`choose_detector`.

    Raises:
        ValueError: The image or an option is unusable; the message is meant for the user.
    """
    detector = choose_detector(detectors, **options)
    with short_paths(path, tell):
        (detection,) = detector.stream(find_sources(path)[:1])
    return shorten_path(detection)


def choose_detector(
    detectors: Mapping[str, Detector],
    *,
    model: str,
    threshold: float,
    tile: int | None = None,
    tta: bool = False,
    intensity_range: str | None = None,
) -> Detector:
    """One of ``detectors`` with the options of the page.

    Args:
        detectors: Detectors by their names on the page.
        model: Name of the detector.
        threshold: Probability above which a pixel is a target.
        tile: Side of the tiles of larger images in pixels; None processes whole images.
        tta: Average over mirror images.
        intensity_range: 'minmax' or 'percentile'; None for that of the training.

    Raises:
        ValueError: The model is unknown, or an option is out of range.
    """
    if model not in detectors:
        raise ValueError(f'model={model!r} is unknown; choose one of {", ".join(detectors)}')
    return detectors[model].with_options(
        threshold=threshold,
        tile_size=tile,
        overlap=None,
        tta=tta,
        intensity_range=intensity_range,
    )


def shorten_path(detection: Detection) -> Detection:
    """The detection without the folder in which the server stores the file."""
    named = replace(detection.source, path=Path(detection.source.path.name))
    return replace(detection, source=named)


@contextmanager
def short_paths(path: str | Path, tell: Callable[[str], None] | None) -> Iterator[None]:
    """Call a file by its name in errors and in the warnings for ``tell``, not by its whole path.

    The user knows the name of the file, but not where the server stores it.

    Raises:
        ValueError: Instead of an error about reading in the block.
    """

    def shorten(text: str) -> str:
        return text.replace(str(path), Path(path).name)

    try:
        with nullcontext() if tell is None else tell_warnings(lambda text: tell(shorten(text))):
            yield
    except READ_ERRORS as error:
        raise ValueError(shorten(str(error))) from error


def answer(detection: Detection, folder: str | Path) -> Answer:
    """Picture, crops, table and files of a detection; the files are written into ``folder``.

    Raises:
        OSError: A file cannot be written.
    """
    targets, folder = detection.targets, Path(folder)
    many = len(targets) > MAX_MARKED_TARGETS
    if many:
        picture, crops = _outlined(detection), []
    else:
        picture = draw_overlay(detection.image, prediction=detection.mask)
        crops = crop_pictures(detection.image, prediction=detection.mask, limit=MAX_CROPS)
    wanted = ('mask', 'csv', 'json') if many else ('mask', 'overlay', 'csv', 'json')
    with DetectionWriter(folder, wanted) as out:
        out.write(detection)
    files = [_rename(folder, detection.source.name, kind) for kind in wanted]
    rows: list[list[str | int | float]] = []
    for number, target in enumerate(targets, start=1):
        left, top, right, bottom = target.box
        place = round(target.x, 2), round(target.y, 2), right - left, bottom - top
        rows.append([f'D{number}', *place, target.area, round(target.score, 4)])
    return Answer(_summary(detection, many), picture, crops, rows, files)


def _rename(folder: Path, name: str, kind: str) -> Path:
    """Give a written file a name that identifies it among other downloads."""
    written, renamed = {
        'mask': (f'masks/{name}.png', 'mask.png'),
        'overlay': (f'overlays/{name}.png', 'overlay.png'),
        'csv': ('targets.csv', 'targets.csv'),
        'json': ('detections.json', 'detections.json'),
    }[kind]
    return (folder / written).replace(folder / f'{name}_{renamed}')


def _summary(detection: Detection, many: bool) -> str:
    height, width = detection.size
    count = len(detection.targets)
    text = (
        f'**{format_count(count, "target")}** in {detection.source.name}: {width} x {height} '
        f'pixels, {detection.image.dtype}; largest probability '
        f'{float(detection.probability.max()):.3f}.'
    )
    if detection.source.frame is not None:
        text += ' The file is a sequence; this is its first frame.'
    if many:
        text += (
            f' More than {MAX_MARKED_TARGETS} targets are only outlined: is the threshold too low?'
        )
    elif count > MAX_CROPS:
        text += f' The first {MAX_CROPS} are shown enlarged.'
    return text


def _outlined(detection: Detection) -> np.ndarray:
    scale = enlargement(detection.size, 640)
    picture = to_rgb(enlarge(to_gray8(detection.image), scale))
    draw_outline(picture, detection.mask, COLOURS[UNSCORED], scale)
    return picture
