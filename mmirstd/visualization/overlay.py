"""One picture per image: every target marked as hit, miss or false alarm, and shown enlarged.

Plain functions on numpy arrays. Shapes: H, W image size in pixels. Pictures are RGB uint8.
"""

from __future__ import annotations

import numpy as np

from mmirstd.renamed import accept_old_arguments

from .canvas import (
    COLOURS,
    GT_COLOUR,
    draw_component,
    draw_marker,
    enlarge,
    enlargement,
    text_width,
    to_gray8,
    to_rgb,
    write,
)
from .outcomes import FALSE_ALARM, HIT, MISS, UNSCORED, Outcome, judge

_CAPTION = 22
_INITIALS = {HIT: 'H', MISS: 'M', FALSE_ALARM: 'F', UNSCORED: 'D'}


@accept_old_arguments(truth='gt_mask')
def draw_overlay(
    image: np.ndarray,
    gt_mask: np.ndarray | None = None,
    prediction: np.ndarray | None = None,
    *,
    scale: int | None = None,
    labels: bool = True,
) -> np.ndarray:
    """Mark every target in an image without covering it.

    Hits are marked by a sky-blue square, misses by a yellow circle, false alarms by a vermilion
    diamond. The predicted outline, or that of a missed target, has the same colour. Lines are drawn
    outside the pixels that they enclose. With only one mask, its components are marked by squares.

    Args:
        image: (H, W) or BGR (H, W, 3), any numeric type; all but 8-bit is contrast-stretched.
        gt_mask: Mask (H, W), non-zero on targets.
        prediction: Mask (H, W), non-zero on detections.
        scale: Integer enlargement; None makes the longer side at least 640 px.
        labels: Number the markers (H1, M1, F1), as :func:`crop_strip` does.

    Returns:
        (scale * H, scale * W, 3).

    Raises:
        ValueError: A mask does not have the size of the image.
    """
    _check_sizes(image, gt_mask, prediction)
    scale = scale or enlargement(image.shape[:2], 640)
    picture = to_rgb(enlarge(to_gray8(image), scale))
    outcomes = judge(gt_mask, prediction)
    window = (slice(0, image.shape[0]), slice(0, image.shape[1]))
    for outcome in outcomes:
        found = outcome.target if outcome.detection is None else outcome.detection
        draw_component(picture, found, COLOURS[outcome.kind], image.shape[:2], window, scale)
    for outcome, label in zip(outcomes, _numbered(outcomes), strict=True):
        draw_marker(picture, outcome, scale, label if labels else None)
    return picture


@accept_old_arguments(truth='gt_mask')
def crop_strip(
    image: np.ndarray,
    gt_mask: np.ndarray | None = None,
    prediction: np.ndarray | None = None,
    *,
    width: int,
    window: int = 24,
    zoom: int = 6,
) -> np.ndarray:
    """Enlarged crops of all targets side by side: misses first, then false alarms, then hits.

    In each crop, the outline of the ground truth is green, and that of a detection is dashed in the
    colour of its own outcome; the frame has the colour of the outcome in the middle. The contrast
    is stretched within the crop. A note gives the number of crops that do not fit.

    Args:
        image: As for :func:`draw_overlay`.
        gt_mask: Mask (H, W).
        prediction: Mask (H, W).
        width: Width of the strip in pixels.
        window: Side of a crop in image pixels; larger for targets that exceed half of it.
        zoom: Enlargement; crops of larger targets are enlarged less, to the same size.

    Returns:
        (height, width, 3); height 0 if there is nothing to show.
    """
    _check_sizes(image, gt_mask, prediction)
    outcomes = judge(gt_mask, prediction)
    if not outcomes:
        return np.zeros((0, width, 3), np.uint8)
    named = _in_order(outcomes)
    side = window * zoom
    fitting = max(1, (width + 4) // (side + 4))
    strip = np.zeros((side + _CAPTION, width, 3), np.uint8)
    for place, (outcome, label) in enumerate(named[:fitting]):
        tile = _crop(image, outcomes, outcome, window, side)
        left = place * (side + 4)
        shown = min(side, width - left)
        strip[:side, left : left + shown] = tile[:, :shown]
        write(strip, _caption(outcome, label), (left + 2, side + 15), COLOURS[outcome.kind])
    left_over = len(named) - fitting
    if left_over > 0:
        note = f'and {left_over} more'
        write(strip, note, (max(width - text_width(note) - 4, 0), 14))
    return strip


@accept_old_arguments(truth='gt_mask')
def crop_pictures(
    image: np.ndarray,
    gt_mask: np.ndarray | None = None,
    prediction: np.ndarray | None = None,
    *,
    window: int = 24,
    zoom: int = 10,
    limit: int | None = None,
) -> list[tuple[np.ndarray, str]]:
    """The crops of :func:`crop_strip` as a list, for pages with their own layout.

    Args:
        image: As for :func:`draw_overlay`.
        gt_mask: Mask (H, W).
        prediction: Mask (H, W).
        window: Side of a crop in image pixels; grows for targets larger than half of it.
        zoom: Enlargement.
        limit: Maximum number of crops.

    Returns:
        (picture (window * zoom, window * zoom, 3), caption) in the order of the strip.
    """
    _check_sizes(image, gt_mask, prediction)
    outcomes = judge(gt_mask, prediction)
    named = _in_order(outcomes)[:limit]
    return [
        (
            _crop(image, outcomes, outcome, window, window * zoom),
            _caption(outcome, label),
        )
        for outcome, label in named
    ]


@accept_old_arguments(truth='gt_mask')
def draw_result(
    image: np.ndarray,
    gt_mask: np.ndarray | None = None,
    prediction: np.ndarray | None = None,
    *,
    name: str = '',
    scale: int | None = None,
) -> np.ndarray:
    """The picture of one image: caption with counts, marked image, enlarged crops.

    Args:
        image: As for :func:`draw_overlay`.
        gt_mask: Mask (H, W).
        prediction: Mask (H, W).
        name: Name for the caption.
        scale: As for :func:`draw_overlay`.

    Returns:
        (height, width, 3).
    """
    overlay = draw_overlay(image, gt_mask, prediction, scale=scale)
    caption = np.zeros((_CAPTION, overlay.shape[1], 3), np.uint8)
    write(caption, name, (4, 15))
    _write_counts(
        caption, judge(gt_mask, prediction), gt_mask is not None and prediction is not None
    )
    strip = crop_strip(image, gt_mask, prediction, width=overlay.shape[1])
    seam = np.zeros((4 if len(strip) else 0, overlay.shape[1], 3), np.uint8)
    return np.concatenate([caption, overlay, seam, strip])


def _in_order(outcomes: list[Outcome]) -> list[tuple[Outcome, str]]:
    """Outcomes and labels: misses first, then false alarms, then hits."""
    order = {MISS: 0, FALSE_ALARM: 1, HIT: 2, UNSCORED: 3}
    return sorted(
        zip(outcomes, _numbered(outcomes), strict=True), key=lambda pair: order[pair[0].kind]
    )


def _caption(outcome: Outcome, label: str) -> str:
    x, y = outcome.centre
    return f'{label} {outcome.area} px at ({x:.0f}, {y:.0f})'


def _write_counts(caption: np.ndarray, outcomes: list[Outcome], judged: bool) -> None:
    """Write the number of each kind at the right end, each in its colour."""
    kinds = (HIT, MISS, FALSE_ALARM) if judged else (UNSCORED,)
    x = caption.shape[1] - 4
    for kind in reversed(kinds):
        count = sum(outcome.kind == kind for outcome in outcomes)
        text = f'{count} {kind}' + ('' if count == 1 else 'es' if kind == MISS else 's')
        x -= text_width(text) + 10
        write(caption, text, (max(x, 0), 15), COLOURS[kind])


def _numbered(outcomes: list[Outcome]) -> list[str]:
    """H1, H2, M1, F1, ...: the label of every outcome."""
    seen: dict[str, int] = {}
    labels = []
    for outcome in outcomes:
        seen[outcome.kind] = seen.get(outcome.kind, 0) + 1
        labels.append(f'{_INITIALS[outcome.kind]}{seen[outcome.kind]}')
    return labels


def _crop(
    image: np.ndarray, outcomes: list[Outcome], outcome: Outcome, window: int, side: int
) -> np.ndarray:
    """Enlarged surroundings of one outcome, (side, side, 3); black beyond the image."""
    left, top, right, bottom = outcome.box
    span = max(window, 2 * (right - left), 2 * (bottom - top))
    zoom = max(1, side // span)
    x0, y0 = (left + right - span) // 2, (top + bottom - span) // 2
    rows = slice(max(y0, 0), min(y0 + span, image.shape[0]))
    columns = slice(max(x0, 0), min(x0 + span, image.shape[1]))
    tile = to_rgb(enlarge(to_gray8(image[rows, columns], stretch=True), zoom))
    both = any(each.kind != UNSCORED for each in outcomes)
    place = (image.shape[:2], (rows, columns), zoom)
    for each in outcomes:
        colour = GT_COLOUR if both else COLOURS[each.kind]
        draw_component(tile, each.target, colour, *place)
    # Dashed, so that both lines are visible along the same pixels.
    for each in (*outcomes, outcome):
        draw_component(tile, each.detection, COLOURS[each.kind], *place, dashed=both)
    square = np.zeros((max(side, span * zoom), max(side, span * zoom), 3), np.uint8)
    y, x = (rows.start - y0) * zoom, (columns.start - x0) * zoom
    square[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    square = square[:side, :side]
    for edge in (square[:2], square[-2:], square[:, :2], square[:, -2:]):
        edge[:] = COLOURS[outcome.kind]
    return square


def _check_sizes(
    image: np.ndarray, gt_mask: np.ndarray | None, prediction: np.ndarray | None
) -> None:
    for name, mask in (('gt_mask', gt_mask), ('prediction', prediction)):
        if mask is not None and mask.shape != image.shape[:2]:
            raise ValueError(
                f'{name} has the shape {mask.shape} but the image {image.shape[:2]}; '
                'give masks (H, W) at the size of the image'
            )
