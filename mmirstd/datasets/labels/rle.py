"""Masks as run-length codes (RLE), as COCO and SA-1B store them; needs pycocotools."""

from __future__ import annotations

import json
from types import ModuleType

import numpy as np

from mmirstd.datasets.resampling import Size


class AnnotationError(ValueError):
    """The masks of an image cannot be used; ``reason`` is a short name for statistics."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple:
        return type(self), (self.reason, str(self))


def coco_masks() -> ModuleType:
    """``pycocotools.mask``.

    Raises:
        ImportError: It is not installed; the message says how.
    """
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError(
            "masks of SA-1B and COCO are read by pycocotools: `pip install 'mmirstd[sa1b]'`"
        ) from error
    return mask


def encode(mask: np.ndarray) -> dict:
    """Compressed RLE ``{'size': [H, W], 'counts': str}`` of a mask (H, W)."""
    code = coco_masks().encode(np.asfortranarray(mask, dtype=np.uint8))
    return {'size': [int(side) for side in code['size']], 'counts': code['counts'].decode()}


def decode(code: dict) -> np.ndarray:
    """Mask (H, W), uint8 of 0 and 1, of a compressed RLE."""
    return coco_masks().decode(code)


def read_codes(content: bytes, size: Size, name: str) -> list[dict]:
    """Compressed RLE of every mask in the JSON of an image.

    Args:
        content: SA-1B's format: ``annotations`` with a ``segmentation`` each, RLE or polygons.
        size: Size of the image that was read.
        name: Name of the image in errors.

    Raises:
        AnnotationError: No JSON of that format ('json'), no annotation ('empty'), or masks
            of another size than the image ('size').
    """
    try:
        annotations = json.loads(content)['annotations']
        segmentations = [annotation['segmentation'] for annotation in annotations]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AnnotationError('json', f'{name}: unreadable annotations: {error!r}') from error
    codes = [read_code(segmentation, size, name) for segmentation in segmentations]
    if not codes:
        raise AnnotationError('empty', f'{name}: no annotations')
    return codes


def read_code(segmentation: dict | list, size: Size, name: str) -> dict:
    """Compressed RLE of one mask, from polygons or RLE as COCO stores them; see :func:`read_codes`.

    Raises:
        AnnotationError: It cannot be read ('json'), or has another size ('size').
    """
    code = _compress(segmentation, size, name)
    if tuple(code['size']) != tuple(size):
        raise AnnotationError(
            'size', f'{name}: masks of {code["size"]} (height, width) on an image of {list(size)}'
        )
    return code


def _compress(segmentation: dict | list, size: Size, name: str) -> dict:
    try:
        if isinstance(segmentation, list):  # polygons of one object
            return coco_masks().merge(coco_masks().frPyObjects(segmentation, *size))
        if isinstance(segmentation['counts'], list):
            return coco_masks().frPyObjects(segmentation, *segmentation['size'])
        return {'size': segmentation['size'], 'counts': segmentation['counts']}
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise AnnotationError('json', f'{name}: unreadable mask: {error!r}') from error
