"""Test-time augmentation: the mean probability over mirror images.

Infrared frames have no preferred side, so an image and its mirror images are equally good views.
Probabilities are averaged, never logits or masks, and what is averaged is the probability of
"target" alone: right for models of one output channel and of two.

Shapes: H, W image size in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

VIEWS: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (0, 1))
"""Mirrored axes of each view: none, left-right, up-down, both."""


def predict_mirrored(
    images: Sequence[np.ndarray], predict: Callable[[Sequence[np.ndarray]], list[np.ndarray]]
) -> list[np.ndarray]:
    """Average the predictions over all `VIEWS`; costs as many runs of the model.

    ``predict`` gives the probability (H, W) of each of the images, (H, W) or (H, W, C) of one size.
    """
    sums = [np.zeros(image.shape[:2], np.float32) for image in images]
    for axes in VIEWS:
        views = [np.ascontiguousarray(np.flip(image, axes)) for image in images]
        for total, probability in zip(sums, predict(views), strict=True):
            total += np.flip(probability, axes)
    return [total / np.float32(len(VIEWS)) for total in sums]
