"""Prompts for Semantic-SAM and their targets, the masks of all granularities.

One click belongs to several masks of different levels: all that contain it are its targets
(Sec. 3.1, "clustering multiple ground truth masks of varying levels that share the same click").

Shapes: M masks, N prompts, L targets of a prompt, H x W size of the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

CLICK_RADIUS = 3
"""A click is given as a box that reaches this many pixels to each side (Semantic-SAM)."""


@dataclass(frozen=True)
class Prompts:
    """Prompts of one image.

    Attributes:
        boxes: (N, 4) float32, (centre x, centre y, width, height) in [0, 1] of the image.
        kinds: (N,) int64, row of the decoder's prompt embedding.
        targets: (N, L) int64, indices of the masks that a prompt should find, padded with -1.
    """

    boxes: np.ndarray
    kinds: np.ndarray
    targets: np.ndarray


def interior_click(mask: np.ndarray) -> tuple[int, int]:
    """The pixel (x, y) of a mask (H, W) that is farthest from its outside; the first of several.

    Everything beyond the image is outside. Distances are Euclidean; Semantic-SAM's evaluation uses
    an approximate Manhattan distance.

    Raises:
        ValueError: The mask is empty.
    """
    padded = np.pad(np.asarray(mask, np.uint8), 1)
    if not padded.any():
        raise ValueError('an empty mask has no interior to click on')
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.unravel_index(distance.argmax(), distance.shape)
    return int(x), int(y)


def click_boxes(
    clicks: np.ndarray, size: tuple[int, int], radius: float = CLICK_RADIUS
) -> np.ndarray:
    """Boxes (N, 4) of clicks (N, 2) on pixels (x, y) of an image of ``size`` (height, width)."""
    extent = np.array([size[1], size[0]], np.float64)
    centres = (np.asarray(clicks) + 0.5) / extent
    sides = np.broadcast_to(2 * radius / extent, centres.shape)
    return np.concatenate([centres, sides], axis=1).astype(np.float32)


def mask_box(mask: np.ndarray) -> np.ndarray:
    """Bounding box (x0, y0, x1, y1) of a mask (H, W) in pixels, far edges included."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)


def jitter_boxes(boxes: np.ndarray, amount: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move and scale boxes (N, 4) (centre x, centre y, width, height): Semantic-SAM's noise.

    ``amount`` (N,) is the largest change: of the centre in halves of the box, of the sides in
    sides.
    """
    reach = np.concatenate([boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)
    noise = rng.uniform(-1, 1, boxes.shape)
    return np.clip(boxes + noise * reach * amount[:, None], 0, 1).astype(np.float32)


def sample_prompts(
    masks: np.ndarray,
    num_prompts: int,
    rng: np.random.Generator,
    *,
    max_levels: int = 6,
    box_share: float = 0.0,
    point_kind: int = 0,
    jitter: float = 0.4,
) -> Prompts:
    """Draw prompts on the masks of an image as Semantic-SAM does for its training.

    The masks are shuffled and repeated until there are enough. A click is a random pixel of its
    mask; its targets are all masks that contain the pixel. A box prompt is the bounding box of
    its mask, which is its only target.

    Args:
        masks: (M, H, W), non-zero inside; none may be empty.
        num_prompts: N.
        rng: Random numbers.
        max_levels: L; of more targets a random choice is kept.
        box_share: Share of prompts given as boxes. The paper says "points or boxes"; the released
            training of Semantic-SAM uses points alone.
        point_kind: Kind of points, 0 or 1; boxes get the other one. The evaluation that gave
            Semantic-SAM's published numbers uses 0, its released training code 1.
        jitter: Noise of the boxes, a hundredth of it for points; 0 for none.

    Raises:
        ValueError: There is no mask.
    """
    if not len(masks):
        raise ValueError('no mask to draw prompts on')
    size = masks.shape[1:]
    chosen = np.resize(rng.permutation(len(masks)), num_prompts)
    pixels = np.array([rng.choice(np.flatnonzero(masks[index])) for index in chosen])
    clicks = np.stack([pixels % size[1], pixels // size[1]], axis=1)
    boxes = click_boxes(clicks, size)
    is_box = rng.random(num_prompts) < box_share
    targets = np.full((num_prompts, max_levels), -1, np.int64)
    for prompt, (index, (x, y)) in enumerate(zip(chosen, clicks, strict=True)):
        if is_box[prompt]:
            x0, y0, x1, y1 = mask_box(masks[index]) / np.array([size[1], size[0]] * 2)
            boxes[prompt] = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
            levels = np.array([index])
        else:
            levels = np.flatnonzero(masks[:, y, x])
            if len(levels) > max_levels:
                levels = np.sort(rng.choice(levels, max_levels, replace=False))
        targets[prompt, : len(levels)] = levels
    if jitter:
        boxes = jitter_boxes(boxes, np.where(is_box, jitter, 0.01 * jitter), rng)
    kinds = np.where(is_box, 1 - point_kind, point_kind).astype(np.int64)
    return Prompts(boxes, kinds, targets)
