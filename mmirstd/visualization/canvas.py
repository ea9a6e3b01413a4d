"""Drawing on gray infrared images: contrast, enlargement, outlines, markers, captions.

Shapes: H, W image size; s integer enlargement. Pictures are RGB, uint8, (s*H, s*W, 3).
"""

from __future__ import annotations

import cv2
import numpy as np

from mmirstd.datasets.intensity import scale_intensity

from .outcomes import FALSE_ALARM, HIT, MISS, UNSCORED, Outcome

# Okabe and Ito's palette, which is distinguishable with any colour vision. Kinds also differ in
# the shape of their marker.
COLOURS: dict[str, tuple[int, int, int]] = {
    HIT: (86, 180, 233),
    MISS: (240, 228, 66),
    FALSE_ALARM: (213, 94, 0),
    UNSCORED: (0, 158, 115),
}
"""Kind of outcome -> RGB: hit sky blue, miss yellow, false alarm vermilion, else green."""
COLOUR_NAMES = {HIT: 'blue', MISS: 'yellow', FALSE_ALARM: 'vermilion', UNSCORED: 'green'}
"""Names of the colours in texts."""
GT_COLOUR = COLOURS[UNSCORED]
"""RGB of the ground-truth outline if the predicted one is also shown."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def to_gray8(image: np.ndarray, *, stretch: bool | None = None) -> np.ndarray:
    """Gray image for display, uint8 (H, W).

    Args:
        image: (H, W) or BGR (H, W, 3) of any numeric type.
        stretch: Map the 0.5 and 99.98 percentiles to black and white. None does so for
            all images except 8-bit ones, which are not changed.
    """
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f'image: expected (H, W) or (H, W, 3), got {image.shape}')
    if image.ndim == 3:
        image = image.astype(np.float32) if image.dtype != np.uint8 else image
        image = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2GRAY)
    if stretch is None:
        stretch = image.dtype not in (np.uint8, np.bool_)
    if not stretch:
        return scale_intensity(image).astype(np.uint8)
    finite = np.nan_to_num(image) if image.dtype.kind == 'f' else image
    scaled = scale_intensity(finite, 'percentile', percentiles=(0.5, 99.98))
    return np.rint(scaled).astype(np.uint8)


def enlargement(shape: tuple[int, int], wanted: int) -> int:
    """Smallest integer factor that makes the longer side of (H, W) at least ``wanted`` pixels."""
    return max(1, -(-wanted // max(shape)))


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """Repeat every pixel ``scale`` times along both axes, so that pixels are visible as squares."""
    return np.repeat(np.repeat(image, scale, axis=0), scale, axis=1)


def to_rgb(gray: np.ndarray) -> np.ndarray:
    """Gray (H, W) to RGB (H, W, 3), a new array."""
    return np.repeat(gray[..., None], 3, axis=2)


def draw_outline(
    picture: np.ndarray,
    mask: np.ndarray,
    colour: tuple[int, int, int],
    scale: int,
    *,
    dashed: bool = False,
) -> None:
    """Draw the outline of ``mask`` (H, W) just outside its pixels, so that it covers none of them.

    Changes ``picture`` (s*H, s*W, 3). With ``scale`` 1, the line is drawn on the adjacent pixels.
    A dashed line keeps another one visible along the same pixels.
    """
    large = enlarge((mask != 0).astype(np.uint8), scale)
    ring = (cv2.dilate(large, np.ones((3, 3), np.uint8)) - large).astype(bool)
    if dashed:
        rows, columns = np.indices(ring.shape, sparse=True)
        ring &= (rows + columns) // 3 % 2 == 0
    picture[ring] = colour


def draw_component(
    picture: np.ndarray,
    pixels: np.ndarray | None,
    colour: tuple[int, int, int],
    shape: tuple[int, int],
    window: tuple[slice, slice],
    scale: int,
    *,
    dashed: bool = False,
) -> None:
    """Draw the outline of one component into the picture of a window of the image.

    Args:
        picture: The enlarged window; changed.
        pixels: Flat indices of the component in the image; None draws nothing.
        colour: RGB.
        shape: (H, W) of the image.
        window: Rows and columns of the image that the picture shows.
        scale: Its enlargement.
        dashed: See `draw_outline`.
    """
    if pixels is None:
        return
    rows, columns = np.divmod(pixels, shape[1])
    seen = (rows >= window[0].start) & (rows < window[0].stop)
    seen &= (columns >= window[1].start) & (columns < window[1].stop)
    if not seen.any():
        return
    rows, columns = rows[seen] - window[0].start, columns[seen] - window[1].start
    # The component and a margin for the line.
    top, left = max(rows.min() - 1, 0), max(columns.min() - 1, 0)
    part = picture[
        top * scale : (rows.max() + 2) * scale, left * scale : (columns.max() + 2) * scale
    ]
    mask = np.zeros((part.shape[0] // scale, part.shape[1] // scale), np.uint8)
    mask[rows - top, columns - left] = 1
    draw_outline(part, mask, colour, scale, dashed=dashed)


def draw_marker(
    picture: np.ndarray, outcome: Outcome, scale: int, label: str | None = None
) -> None:
    """Draw a frame around a target: a square for a hit, a circle for a miss, else a diamond.

    The frame keeps a distance of at least 3 image pixels from the target. A dark border makes it
    visible on a bright background.
    """
    left, top, right, bottom = (edge * scale for edge in outcome.box)
    middle = ((left + right) // 2, (top + bottom) // 2)
    gap = max(3 * scale, 6)
    half = max(right - left, bottom - top) // 2 + gap
    colour = COLOURS[outcome.kind]
    for tint, width in (((0, 0, 0), 3), (colour, 1)):
        if outcome.kind in (HIT, UNSCORED):
            corner = (middle[0] - half, middle[1] - half), (middle[0] + half, middle[1] + half)
            cv2.rectangle(picture, *corner, tint, width)
        elif outcome.kind == MISS:
            cv2.circle(picture, middle, int(1.25 * half), tint, width, cv2.LINE_AA)
        else:
            reach = int(1.6 * half)
            tips = [(0, -reach), (reach, 0), (0, reach), (-reach, 0)]
            points = np.array([(middle[0] + x, middle[1] + y) for x, y in tips], np.int32)
            cv2.polylines(picture, [points], True, tint, width, cv2.LINE_AA)
    if label:
        reach = int(1.6 * half) if outcome.kind == FALSE_ALARM else int(1.25 * half)
        _label_beside(picture, label, middle, reach, colour)


def _label_beside(
    picture: np.ndarray, text: str, middle: tuple[int, int], reach: int, colour: tuple
) -> None:
    """Write ``text`` to the right of a marker, or to the left at the border of the picture."""
    width, height = cv2.getTextSize(text, _FONT, 0.4, 1)[0]
    x = middle[0] + reach + 4
    if x + width + 2 > picture.shape[1]:
        x = max(middle[0] - reach - 4 - width, 2)
    y = int(np.clip(middle[1] + height // 2, height + 2, picture.shape[0] - 3))
    cv2.rectangle(picture, (x - 2, y - height - 2), (x + width + 1, y + 2), (0, 0, 0), -1)
    write(picture, text, (x, y), colour)


def write(
    picture: np.ndarray,
    text: str,
    origin: tuple[int, int],
    colour: tuple[int, int, int] = (255, 255, 255),
    size: float = 0.4,
) -> None:
    """Write ``text`` on a dark background with its lower left corner at ``origin`` (x, y)."""
    ascii_text = text.encode('ascii', 'replace').decode()  # OpenCV's fonts have only ASCII
    cv2.putText(picture, ascii_text, origin, _FONT, size, colour, 1, cv2.LINE_AA)


def text_width(text: str, size: float = 0.4) -> int:
    """Width in pixels that :func:`write` needs."""
    return cv2.getTextSize(text.encode('ascii', 'replace').decode(), _FONT, size, 1)[0][0]
