"""Base class of predictors for prompts about an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmirstd.registry import TRANSFORMS


@dataclass(frozen=True)
class PromptedMasks:
    """Results for B prompts.

    Attributes:
        masks: Boolean array (B, K, H, W).
        scores: IoUs (B, K) that the model predicts for its masks.
        logits: Mask logits (B, K, h, w) at a quarter of the resolution of the encoder's image;
            one of them can be given back to `SAMPredictor` as ``mask_input``.
    """

    masks: np.ndarray
    scores: np.ndarray
    logits: np.ndarray


class PromptPredictor:
    """Encodes an image once and answers any number of prompts about it.

    Args:
        preprocessor: MMSeg's data preprocessor with which the model was trained.
        loader: Arguments of `mmirstd.LoadIRImage`, which scales images to 0..255.
        threshold: A pixel belongs to a mask if its logit exceeds this.

    Raises:
        ValueError: The preprocessor does not normalise.
    """

    def __init__(
        self, preprocessor: nn.Module, loader: dict | None = None, *, threshold: float = 0.0
    ) -> None:
        if getattr(preprocessor, 'mean', None) is None:
            raise ValueError(
                'the model has no data_preprocessor with mean and std, so images cannot be '
                'normalised as in training; build it from a whole config'
            )
        self.threshold = threshold
        self._preprocessor = preprocessor
        self._load = TRANSFORMS.build({'type': 'mmirstd.LoadIRImage', **(loader or {})})
        self._features: tuple[Tensor, ...] | None = None

    @torch.inference_mode()
    def set_image(self, image: str | Path | np.ndarray, image_format: str = 'BGR') -> None:
        """Encode an image; later prompts are about it.

        Args:
            image: File, or array (H, W) or (H, W, 3), of any sensor.
            image_format: Order of an array's channels: 'BGR', as everywhere in this package, or
                'RGB', which is the default of SAM's own predictor. Files know theirs.

        Raises:
            ValueError: ``image_format`` is unknown, or the image unusable.
        """
        if image_format not in ('BGR', 'RGB'):
            raise ValueError(f"image_format={image_format!r} must be 'BGR' or 'RGB'")
        if image_format == 'RGB' and isinstance(image, np.ndarray) and image.ndim == 3:
            image = image[..., ::-1]
        pixels = self._load(image)['img']
        self._image_size = pixels.shape[:2]
        self._features = self._encode(self._normalise(pixels))

    @property
    def image_size(self) -> tuple[int, int]:
        """(H, W) of the current image.

        Raises:
            RuntimeError: There is none.
        """
        self._ready()
        return self._image_size

    def _ready(self) -> tuple[Tensor, ...]:
        """The features of the current image."""
        if self._features is None:
            raise RuntimeError('call set_image before giving prompts')
        return self._features

    def _normalise(self, pixels: np.ndarray) -> Tensor:
        """(H, W, C) in 0..255, BGR -> (1, 3, H, W) as the data preprocessor makes it."""
        data = {'inputs': [torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)]}
        x = self._preprocessor({**data, 'data_samples': None}, False)['inputs']
        if x.shape[-2:] != pixels.shape[:2]:
            raise ValueError(
                f'the data preprocessor pads images of {pixels.shape[:2]} to '
                f'{tuple(x.shape[-2:])}; remove its test_cfg, padding is done here'
            )
        return x.expand(-1, 3, -1, -1)

    def _encode(self, image: Tensor) -> tuple[Tensor, ...]:
        """What prompts need of a normalised image (1, 3, H, W)."""
        raise NotImplementedError


def check_points(points: np.ndarray | Sequence, size: tuple[int, int]) -> np.ndarray:
    """Points (P, 2), (x, y) in pixels of an image of ``size`` (H, W), as float32.

    Raises:
        ValueError: They are not points, or lie outside.
    """
    points = np.asarray(points, np.float32)
    if points.size % 2 or not points.size:
        raise ValueError(f'points must be (P, 2) as x, y with P > 0, got {points.shape}')
    points = points.reshape(-1, 2)
    height, width = size
    inside = ((points >= 0) & (points < (width, height))).all(axis=1)
    if not inside.all():
        raise ValueError(
            f'points {points[~inside].tolist()} (x, y) lie outside of the image of '
            f'{width} x {height} pixels'
        )
    return points


def check_boxes(boxes: np.ndarray | Sequence, size: tuple[int, int]) -> np.ndarray:
    """Boxes (B, 4), (x1, y1, x2, y2) in pixels of an image of ``size`` (H, W), as float32.

    Raises:
        ValueError: They are not boxes, empty, or reach beyond the image.
    """
    boxes = np.asarray(boxes, np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not len(boxes):
        raise ValueError(f'boxes must be (B, 4) as x1, y1, x2, y2 with B > 0, got {boxes.shape}')
    height, width = size
    x1, y1, x2, y2 = boxes.T
    bad = ~((x1 >= 0) & (x1 < x2) & (x2 <= width) & (y1 >= 0) & (y1 < y2) & (y2 <= height))
    if bad.any():
        raise ValueError(
            f'boxes {boxes[bad].tolist()} must satisfy 0 <= x1 < x2 <= {width} and '
            f'0 <= y1 < y2 <= {height}'
        )
    return boxes
