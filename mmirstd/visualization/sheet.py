"""Sheets: one picture with a row per image and columns image, ground truth, one per model.

Plain functions on numpy arrays. Shapes: H, W image size in pixels. Pictures are RGB uint8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from mmirstd.renamed import accept_old_arguments
from mmirstd.wording import format_count

from .canvas import (
    COLOURS,
    draw_component,
    draw_marker,
    enlarge,
    text_width,
    to_gray8,
    to_rgb,
    write,
)
from .outcomes import FALSE_ALARM, HIT, MISS, Outcome, judge

_GAP = 4
_HEADER = 22
_PAPER = 24


@accept_old_arguments(truth='gt_mask')
@dataclass(frozen=True)
class SheetRow:
    """One image of a sheet.

    Attributes:
        name: Shown below the first cell.
        image: (H, W) or BGR (H, W, 3), any numeric type.
        gt_mask: Mask (H, W), or None.
        predictions: Model name -> mask (H, W). If a row lacks a model, its cell is empty.
    """

    name: str
    image: np.ndarray
    gt_mask: np.ndarray | None = None
    predictions: Mapping[str, np.ndarray] = field(default_factory=dict)


def make_sheet(rows: Sequence[SheetRow], *, cell: int = 256, inset: bool = True) -> np.ndarray:
    """Lay out images, ground truth and predictions side by side.

    Predictions are compared with the ground truth (squares for hits, circles for misses, diamonds
    for false alarms, each in its colour), with the counts below the cell. Every cell of a row shows
    the same part of the image enlarged in the same corner: the surroundings of the first missed
    target, else of the first target, else of the first detection.

    Args:
        rows: Images; sizes and bit depths may be mixed.
        cell: Side of a cell in pixels; images keep their aspect ratio within it.
        inset: Whether to show the enlarged part.

    Returns:
        (height, width, 3), one picture.

    Raises:
        ValueError: There are no rows, or a mask does not have the size of its image.
    """
    if not rows:
        raise ValueError('rows is empty: a sheet needs at least one image')
    models = list(dict.fromkeys(model for row in rows for model in row.predictions))
    has_gt_mask = any(row.gt_mask is not None for row in rows)
    columns = ['image', *(['ground truth'] if has_gt_mask else []), *models]
    pitch_x, pitch_y = cell + _GAP, cell + _GAP + _HEADER
    sheet = np.full(
        (_HEADER + len(rows) * pitch_y, len(columns) * pitch_x + _GAP, 3), _PAPER, np.uint8
    )
    for place, title in enumerate(columns):
        x = _GAP + place * pitch_x + (cell - text_width(title, 0.45)) // 2
        write(sheet, title, (max(x, 0), 15), size=0.45)
    for line, row in enumerate(rows):
        top = _HEADER + line * pitch_y
        for place, tile in enumerate(_row_tiles(row, columns, cell, inset)):
            left = _GAP + place * pitch_x
            sheet[top : top + cell, left : left + cell] = tile.picture
            _write_notes(sheet, tile.notes, left, top + cell + 15, cell)
    return sheet


@dataclass(frozen=True)
class _Tile:
    picture: np.ndarray
    notes: list[tuple[str, tuple[int, int, int]]]


def _row_tiles(row: SheetRow, columns: list[str], cell: int, inset: bool) -> list[_Tile]:
    gray = to_gray8(row.image)
    for name, mask in (('ground truth', row.gt_mask), *row.predictions.items()):
        if mask is not None and mask.shape != gray.shape:
            raise ValueError(
                f'row {row.name!r}: {name} has the shape {mask.shape} but the image {gray.shape}'
            )
    judged = {model: judge(row.gt_mask, mask) for model, mask in row.predictions.items()}
    window = _inset_window(row, judged, gray.shape) if inset else None
    white = (255, 255, 255)
    tiles = []
    for column in columns:
        if column == 'image':
            tiles.append(_Tile(_fit(gray, [], cell, window), [(row.name, white)]))
        elif column == 'ground truth':
            outcomes = judge(row.gt_mask, None)
            count = f'{len(outcomes)} target{"" if len(outcomes) == 1 else "s"}'
            notes = [(count, white)] if row.gt_mask is not None else []
            tiles.append(_Tile(_fit(gray, outcomes, cell, window), notes))
        elif column in judged:
            outcomes = judged[column]
            tiles.append(_Tile(_fit(gray, outcomes, cell, window), _counts(outcomes)))
        else:
            tiles.append(_Tile(np.full((cell, cell, 3), _PAPER, np.uint8), [('-', white)]))
    return tiles


def _fit(
    gray: np.ndarray,
    outcomes: list[Outcome],
    cell: int,
    window: tuple[int, int, int] | None,
) -> np.ndarray:
    """Gray image in a square cell with markers and the inset."""
    factor = cell / max(gray.shape)
    height, width = (max(1, round(side * factor)) for side in gray.shape)
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    small = to_rgb(cv2.resize(gray, (width, height), interpolation=method))
    picture = np.full((cell, cell, 3), _PAPER, np.uint8)
    picture[:height, :width] = small
    for outcome in outcomes:
        box = tuple(round(edge * factor) for edge in outcome.box)
        draw_marker(picture, Outcome(outcome.kind, outcome.centre, box, outcome.area), 1)
    if window is not None:
        _draw_inset(picture, gray, outcomes, window, factor)
    return picture


def _inset_window(
    row: SheetRow, judged: Mapping[str, list[Outcome]], shape: tuple[int, int]
) -> tuple[int, int, int] | None:
    """(left, top, side) in image pixels of the part to enlarge; None if there is nothing."""
    found = [outcome for outcomes in judged.values() for outcome in outcomes]
    found = [o for o in found if o.kind == MISS] + judge(row.gt_mask, None) + found
    if not found:
        return None
    left, top, right, bottom = found[0].box
    side = min(max(20, 2 * (right - left), 2 * (bottom - top)), *shape)
    x = int(np.clip((left + right - side) // 2, 0, shape[1] - side))
    y = int(np.clip((top + bottom - side) // 2, 0, shape[0] - side))
    return x, y, side


def _draw_inset(
    picture: np.ndarray,
    gray: np.ndarray,
    outcomes: list[Outcome],
    window: tuple[int, int, int],
    factor: float,
) -> None:
    """Draw the enlarged window into the corner that is farthest from its position."""
    x, y, side = window
    cell = picture.shape[0]
    zoom = max(1, int(0.38 * cell) // side)
    part = (slice(y, y + side), slice(x, x + side))
    tile = to_rgb(enlarge(to_gray8(gray[part], stretch=True), zoom))
    for outcome in outcomes:
        found = outcome.target if outcome.detection is None else outcome.detection
        draw_component(tile, found, COLOURS[outcome.kind], gray.shape, part, zoom)
    tile = cv2.copyMakeBorder(tile, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    tile = tile[:cell, :cell]
    height, width = tile.shape[:2]
    to_left = (x + side / 2) * factor > cell / 2
    to_top = (y + side / 2) * factor > cell / 2
    left = 0 if to_left else cell - width
    top = 0 if to_top else cell - height
    picture[top : top + height, left : left + width] = tile


def _counts(outcomes: list[Outcome]) -> list[tuple[str, tuple[int, int, int]]]:
    kinds = (HIT, MISS, FALSE_ALARM)
    if any(outcome.kind not in kinds for outcome in outcomes):
        return [(f'{format_count(len(outcomes), "detection")}', (255, 255, 255))]
    words = {HIT: 'hit', MISS: 'miss', FALSE_ALARM: 'false'}
    counts = {kind: sum(outcome.kind == kind for outcome in outcomes) for kind in kinds}
    return [(f'{counts[kind]} {words[kind]}', COLOURS[kind]) for kind in kinds]


def _write_notes(
    sheet: np.ndarray, notes: list[tuple[str, tuple[int, int, int]]], x: int, y: int, cell: int
) -> None:
    end = x + cell
    for text, colour in notes:
        while text and x + text_width(text) > end:
            text = text[:-1]
        write(sheet, text, (x, y), colour)
        x += text_width(text) + 10
