"""Processing of an image for the demo page; the page itself is `mmirstd.reporting.demo_page`.

This module imports no web framework; it contains plain functions that take a `Detector`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

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
"""With more targets, they are only outlined, but neither numbered nor enlarged."""

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
    model: str,
    threshold: float,
    tile: int | None = None,
    tta: bool = False,
    intensity_range: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> Detection:
    """Run one of ``detectors`` on an image file, or on the first frame of a sequence.

    Args:
        detectors: Detectors by the name that the page shows.
        path: Image of any bit depth.
        model: Name of the detector.
        threshold: Probability above which a pixel is a target.
        tile: Side in pixels of the tiles for larger images; None processes the whole image at once.
        tta: Average over mirror images.
        intensity_range: 'minmax' or 'percentile'; None for that of the training.
        tell: Receives warnings about unsuitable options, see
            `mmirstd.inference.frames.first_frame`.

    Raises:
        ValueError: The image or an option is unusable; the message is meant for the user.
    """
    detector = choose_detector(
        detectors,
        model=model,
        threshold=threshold,
        tile=tile,
        tta=tta,
        intensity_range=intensity_range,
    )
    try:
        with warnings_to(tell, path):
            (detection,) = detector.stream(find_sources(path)[:1])
    except READ_ERRORS as error:
        # The user knows the name of the file, but not where the server stores it.
        raise ValueError(str(error).replace(str(path), Path(path).name)) from error
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
    """One of ``detectors`` with the options of the page; arguments are those of :func:`detect`.

    Raises:
        ValueError: The model is unknown, or an option is out of range.
    """
    if model not in detectors:
        raise ValueError(f'model={model!r}: there is {", ".join(detectors)}')
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
def warnings_to(tell: Callable[[str], None] | None, path: str | Path) -> Iterator[None]:
    """Pass warnings of the package to ``tell``, with the file name that the user knows."""
    if tell is None:
        yield
        return
    with tell_warnings(lambda text: tell(text.replace(str(path), Path(path).name))):
        yield


def answer(detection: Detection, folder: str | Path) -> Answer:
    """Picture, crops, table and files of a detection.

    Args:
        detection: The detection.
        folder: Where to write the files; those of an earlier answer are replaced.

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
    rows = [
        [
            f'D{number}',
            round(target.x, 2),
            round(target.y, 2),
            target.box[2] - target.box[0],
            target.box[3] - target.box[1],
            target.area,
            round(target.score, 4),
        ]
        for number, target in enumerate(targets, start=1)
    ]
    return Answer(_summary(detection, many), picture, crops, rows, files)


def _rename(folder: Path, name: str, kind: str) -> Path:
    """Give a written file a name that identifies it among other downloads."""
    written, suffix = {
        'mask': (f'masks/{name}.png', '.png'),
        'overlay': (f'overlays/{name}.png', '.png'),
        'csv': ('targets.csv', '.csv'),
        'json': ('detections.json', '.json'),
    }[kind]
    label = {'csv': 'targets', 'json': 'detections'}.get(kind, kind)
    return (folder / written).replace(folder / f'{name}_{label}{suffix}')


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
