"""Procedural images of nested shapes with the masks of all levels, in SA-1B's format.

They replace SA-1B in tests and demonstrations: groups of objects made of parts made of sub-parts,
so that one click belongs to masks of several granularities. Small spots are separate masks. A model
learns nothing about photographs from them.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from mmirstd.datasets.labels.rle import encode
from mmirstd.datasets.prompted.prompts import mask_box
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.io.outputs.folder import OutputFolder

IMAGES_PER_SHARD = 1000
MIN_AREA = 6
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class NestedShapes:
    """One drawn image.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        masks: (M, H, W) bool, groups before objects before parts; none is empty.
        clicks: (M, 2) a pixel (x, y) of each mask.
    """

    image: np.ndarray
    masks: np.ndarray
    clicks: np.ndarray


def draw(size: tuple[int, int], seed: int, index: int) -> NestedShapes:
    """Draw image ``index`` of a set.

    Args:
        size: Height and width in pixels, at least 32 each.
        seed: Seed of the set.
        index: Number of the image, which does not depend on the other images.

    Raises:
        ValueError: The size is too small for parts in parts.
    """
    if min(size) < 32:
        raise ValueError(f'size={tuple(size)} must be at least 32 x 32')
    rng = np.random.default_rng((seed, index))
    canvas = _background(size, rng)
    shapes: list[np.ndarray] = []
    for _ in range(rng.integers(1, 4)):
        _draw_group(canvas, shapes, rng)
    for _ in range(rng.integers(2, 7)):
        _draw_spot(canvas, shapes, rng)
    canvas += rng.normal(0, rng.uniform(1, 6), canvas.shape)
    visible = [mask for mask in shapes if mask.sum() >= MIN_AREA]
    unique = list({mask.tobytes(): mask for mask in visible}.values())
    masks = np.array(unique) if unique else np.zeros((0, *size), bool)
    clicks = [np.argwhere(mask)[rng.integers(mask.sum())][::-1] for mask in masks]
    image = np.clip(np.round(canvas), 0, 255).astype(np.uint8)
    return NestedShapes(image, masks, np.array(clicks, int).reshape(-1, 2))


def _background(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    coarse = ndimage.gaussian_filter(rng.normal(0, 1, size), rng.uniform(4, 20), mode='reflect')
    coarse *= rng.uniform(5, 35) / max(coarse.std(), 1e-6)
    gray = rng.uniform(40, 160) + coarse
    tint = rng.normal(0, 10, 3) * (rng.random() < 0.5)  # half of the images are gray
    return gray[..., None] + tint


def _shape(
    size: tuple[int, int], centre: np.ndarray, radius: float, rng: np.random.Generator
) -> np.ndarray:
    """Mask (H, W) of an ellipse, a polygon or a rectangle of about this radius."""
    mask = np.zeros(size, np.uint8)
    kind = rng.integers(3)
    angle = rng.uniform(0, 180)
    axes = radius * rng.uniform(0.6, 1.0, 2)
    middle = tuple(float(x) for x in centre)
    if kind == 0:
        whole = tuple(round(x) for x in middle)
        sides = tuple(max(1, round(float(a))) for a in axes)
        cv2.ellipse(mask, whole, sides, angle, 0, 360, 1, -1)
    elif kind == 1:
        box = cv2.boxPoints((middle, tuple(float(2 * a) for a in axes), angle))
        cv2.fillPoly(mask, [np.round(box).astype(np.int32)], 1)
    else:
        turns = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 9)))
        reach = radius * rng.uniform(0.6, 1.0, len(turns))
        corners = centre + reach[:, None] * np.stack([np.cos(turns), np.sin(turns)], 1)
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1)
    return mask.astype(bool)


def _paint(canvas: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> None:
    """Fill a mask with a level that differs from what is there, and a faint gradient."""
    here = canvas[mask].mean(axis=0)
    contrast = rng.uniform(25, 90) * rng.choice([-1, 1])
    tint = rng.normal(0, 15, 3) * (rng.random() < 0.5)
    rows = np.linspace(-1, 1, len(canvas))[:, None, None] * rng.uniform(-15, 15)
    canvas[mask] = (here + contrast + tint + rows + np.zeros_like(canvas))[mask]


def _draw_group(canvas: np.ndarray, shapes: list, rng: np.random.Generator) -> None:
    """One to three neighbouring objects with parts in them; the group is a mask too."""
    height, width = size = canvas.shape[:2]
    scale = min(size)
    home = rng.uniform(0.15, 0.85, 2) * (width, height)
    radius = rng.uniform(0.1, 0.22) * scale
    objects: list[Any] = []
    for _ in range(rng.integers(1, 4)):
        centre = home + rng.normal(0, 1.2 * radius, 2) * (len(objects) > 0)
        whole = _shape(size, centre, radius * rng.uniform(0.7, 1.1), rng)
        if not whole.any():
            continue
        for covered in (*shapes, *objects):
            covered &= ~whole
        _paint(canvas, whole, rng)
        objects.append(whole)
        parts = _draw_parts(canvas, whole, centre, radius, rng, depth=2)
        shapes += [whole, *parts]
    if len(objects) > 1:
        shapes.append(np.any(objects, axis=0))


def _draw_parts(
    canvas: np.ndarray,
    parent: np.ndarray,
    centre: np.ndarray,
    radius: float,
    rng: np.random.Generator,
    depth: int,
) -> list[np.ndarray]:
    """Parts inside ``parent``, possibly with further parts inside them."""
    parts: list[np.ndarray] = []
    for _ in range(rng.integers(0, 3)):
        where = centre + rng.normal(0, 0.35 * radius, 2)
        inner = rng.uniform(0.25, 0.5) * radius
        part = _shape(parent.shape, where, inner, rng) & parent
        if part.sum() < MIN_AREA or part.sum() > 0.8 * parent.sum():
            continue
        for each in parts:
            each &= ~part
        _paint(canvas, part, rng)
        parts.append(part)
        if depth > 1:
            parts += _draw_parts(canvas, part, where, inner, rng, depth - 1)
    return parts


def _draw_spot(canvas: np.ndarray, shapes: list, rng: np.random.Generator) -> None:
    """A small blurred spot on top of everything; it cuts no hole into what is below."""
    height, width = canvas.shape[:2]
    y, x = rng.uniform(3, height - 3), rng.uniform(3, width - 3)
    sigma = rng.uniform(0.8, 2.2)
    rows, columns = np.mgrid[:height, :width]
    profile = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))
    canvas += (profile * rng.uniform(40, 120) * rng.choice([-1, 1], p=[0.3, 0.7]))[..., None]
    shapes.append(profile > 0.4)


def annotation_json(shapes: NestedShapes, image_id: int) -> bytes:
    """The JSON file of an image, in SA-1B's format."""
    height, width = shapes.image.shape[:2]
    annotations = []
    for number, (mask, click) in enumerate(zip(shapes.masks, shapes.clicks, strict=True)):
        left, top, right, bottom = mask_box(mask).tolist()
        annotations.append(
            {
                'id': image_id * 1000 + number,
                'segmentation': encode(mask),
                'bbox': [left, top, right - left - 1, bottom - top - 1],
                'area': int(mask.sum()),
                'predicted_iou': 1.0,
                'stability_score': 1.0,
                'crop_box': [0.0, 0.0, float(width), float(height)],
                'point_coords': [[float(click[0]), float(click[1])]],
            }
        )
    name = f'sa_{image_id}.jpg'
    image = {'image_id': image_id, 'width': width, 'height': height, 'file_name': name}
    return json.dumps({'image': image, 'annotations': annotations}).encode()


def _files(size: tuple[int, int], seed: int, index: int) -> Iterator[tuple[str, bytes]]:
    shapes = draw(size, seed, index)
    _, data = cv2.imencode('.jpg', shapes.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    yield f'sa_{index}.jpg', data.tobytes()
    yield f'sa_{index}.json', annotation_json(shapes, index)


def write_nested_shapes(
    root: str | os.PathLike | OutputFolder,
    count: int,
    *,
    size: tuple[int, int] = (128, 160),
    seed: int = 0,
    archive: bool = False,
    first_shard: int = 20,
    overwrite: bool = False,
) -> list[Path]:
    """Write a set as shards of at most 1000 images.

    Args:
        root: Folder to write to, created if missing; or an open folder of results, for several sets
            next to each other.
        count: Number of images.
        size: Height and width in pixels.
        seed: An image is a function of seed, size and its number.
        archive: Write ``sa_NNNNNN.tar`` like SA-1B; by default folders of that name.
        first_shard: Number of the first shard.
        overwrite: Replace the shards that an earlier call recorded in the folder.

    Returns:
        The shards.

    Raises:
        ValueError: ``count`` is not positive, or the size too small.
        FileExistsError: A shard already exists, and ``overwrite`` is False or this function did
            not write it.
        OSError: A file cannot be written; a full disk is named as such.
    """
    if count < 1:
        raise ValueError(f'count={count} must be at least 1')
    if not isinstance(root, OutputFolder):
        with OutputFolder(root, 'make_nested_shapes', overwrite=overwrite) as files:
            return write_nested_shapes(
                files, count, size=size, seed=seed, archive=archive, first_shard=first_shard
            )
    shards = []
    for number, start in enumerate(range(0, count, IMAGES_PER_SHARD), start=first_shard):
        shard = f'sa_{number:06d}{".tar" * archive}'
        indices = range(start, min(start + IMAGES_PER_SHARD, count))
        contents = (file for index in indices for file in _files(size, seed, index))
        if archive:
            write_atomically(root.path(shard), _tar(contents), sync=False)
        else:
            for name, content in contents:
                write_atomically(root.path(f'{shard}/{name}'), content, sync=False)
        shards.append(root.folder / shard)
    return shards


def _tar(files: Iterator[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        for name, content in files:
            member = tarfile.TarInfo(f'./{name}')
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
