"""Segment objects from prompts with Semantic-SAM: six granularities for every prompt.

Shapes: H/W size of the user's image, N prompts, K granularities, h x w size of the masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmseg.models import SegDataPreProcessor
from torch import Tensor, nn

from mmirstd.datasets.intensity import IntensityRange
from mmirstd.inference.configs import load_config, split_pipeline
from mmirstd.inference.prompted.prompting import (
    PromptedMasks,
    PromptPredictor,
    check_boxes,
    check_points,
)
from mmirstd.inference.torch_detector import build_model
from mmirstd.models.backbones.encoder_adaptation import resize_images
from mmirstd.models.semantic_sam.head import SemanticSAMHead
from mmirstd.models.semantic_sam.model import PIXEL_MEAN, PIXEL_STD, SIZE_MULTIPLE, SemanticSAM

STRIDE = 4
"""Pixels of the model's image per pixel of a mask."""

_PROMPTS_PER_PASS = 8
"""Number of prompts whose masks are resized at a time, which limits memory."""


class SemanticSAMPredictor(PromptPredictor):
    """Encodes an image once and answers any number of points or boxes about it.

    Args:
        model: The model.
        loader: Arguments of `mmirstd.LoadIRImage`, which brings images to 0..255.
        preprocessor: Normalisation; None for the published models'.
        short_side: Images are resized, keeping their aspect ratio, until their shorter side has
            this many pixels. 640 as in the authors' demo; their evaluation on COCO uses 800.
        long_side: The longer side has at most this many pixels.
        point_side: A point is given to the model as a box of this side in pixels of the resized
            image (training and evaluation: 6).
        point_kind: Row of the prompt embedding for points, 0 in the authors' evaluation; boxes
            get the other one.
        independent: Whether prompts of the same call do not influence each other. In the authors'
            demo they do.
        threshold: A pixel belongs to a mask if its logit exceeds this.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> sam = SemanticSAMPredictor.from_config(  # doctest: +SKIP
        ...     'semantic_sam_swint_sirst', 'semantic_sam_swint.pth'
        ... )
        >>> sam.set_image('frame.png')  # doctest: +SKIP
        >>> answer = sam.predict_points([(120, 84), (40, 9)])  # doctest: +SKIP
        >>> answer.masks.shape  # doctest: +SKIP
        (2, 6, 256, 256)
    """

    def __init__(
        self,
        model: SemanticSAM,
        loader: dict | None = None,
        *,
        preprocessor: nn.Module | None = None,
        short_side: int = 640,
        long_side: int = 1333,
        point_side: float = 6.0,
        point_kind: int = 0,
        independent: bool = True,
        threshold: float = 0.0,
    ) -> None:
        if not isinstance(model, SemanticSAM):
            raise ValueError(
                f'SemanticSAMPredictor needs a SemanticSAM, got {type(model).__name__}; '
                'SemanticSAMPredictor.from_config builds one from a config in configs/semantic_sam'
            )
        if not 0 < short_side <= long_side or point_side <= 0 or point_kind not in (0, 1):
            raise ValueError(
                f'short_side={short_side} must be positive and at most long_side={long_side}, '
                f'point_side={point_side} positive, point_kind={point_kind} 0 or 1'
            )
        if preprocessor is None:
            preprocessor = SegDataPreProcessor(PIXEL_MEAN, PIXEL_STD, bgr_to_rgb=True)
            preprocessor.to(next(model.parameters()).device)
        super().__init__(preprocessor, loader, threshold=threshold)
        self.model = model.eval()
        self.short_side, self.long_side = short_side, long_side
        self.point_side, self.point_kind = point_side, point_kind
        self.independent = independent

    @classmethod
    def from_config(
        cls,
        config_or_name: str | Path | Config,
        checkpoint: str | Path | None = None,
        device: str | torch.device = 'cpu',
        *,
        intensity_range: IntensityRange | None = None,
        untrained: bool = False,
        **options: float,
    ) -> SemanticSAMPredictor:
        """Build the model of a segmentor's config; ``options`` are keyword arguments of the class.

        The other arguments and errors are those of `SAMPredictor.from_config`.
        """
        config = load_config(config_or_name)
        loader, _ = split_pipeline(config, intensity_range)
        segmentor = build_model(config, checkpoint, device, untrained=untrained)
        head = segmentor.decode_head
        if not isinstance(head, SemanticSAMHead):
            raise ValueError(
                'SemanticSAMPredictor needs a config of configs/semantic_sam, got one with '
                f'{type(head).__name__}'
            )
        model = SemanticSAM(segmentor.backbone, head.pixel_decoder, head.mask_decoder)
        return cls(model, loader, preprocessor=segmentor.data_preprocessor, **options)

    def predict_points(self, points: np.ndarray | Sequence) -> PromptedMasks:
        """Answer N prompts of one click each; see :meth:`predict`."""
        return self.predict(points=points)

    def predict_boxes(self, boxes: np.ndarray | Sequence) -> PromptedMasks:
        """Answer N prompts of one box each; see :meth:`predict`."""
        return self.predict(boxes=boxes)

    @torch.inference_mode()
    def predict(
        self,
        points: np.ndarray | Sequence | None = None,
        boxes: np.ndarray | Sequence | None = None,
    ) -> PromptedMasks:
        """Answer N prompts, all of them points or all of them boxes.

        Args:
            points: (N, 2), (x, y) in pixels of the image; each point is a separate prompt.
            boxes: (N, 4), (x1, y1, x2, y2) in pixels.

        Returns:
            Masks (N, K, H, W), predicted IoUs (N, K) and logits.

        Raises:
            RuntimeError: There is no image yet.
            ValueError: The prompts are unusable; the message names what is wrong.
        """
        if (points is None) == (boxes is None):
            raise ValueError('give either points or boxes')
        if points is not None:
            # The middle of the pixel.
            centres, kind = check_points(points, self.image_size) + 0.5, self.point_kind
            sides = np.zeros_like(centres)
        else:
            boxes, kind = check_boxes(boxes, self.image_size), 1 - self.point_kind
            centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        prompts = self._relative(centres, sides, is_point=points is not None)
        features = self._ready()
        device = features[0].device
        output = self.model.decode(
            features,
            torch.from_numpy(prompts).to(device)[None],
            torch.full((1, len(prompts)), kind, device=device),
            self.independent,
            auxiliary=False,
        )
        logits = output.masks[0].float()
        return PromptedMasks(
            masks=np.concatenate([self._masks(part) for part in logits.split(_PROMPTS_PER_PASS)]),
            scores=output.ious[0].float().cpu().numpy(),
            logits=logits.cpu().numpy(),
        )

    def _frame(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """(height, width) of the resized image, and with padding."""
        height, width = self._image_size
        scale = min(self.short_side / min(height, width), self.long_side / max(height, width))
        size = tuple(max(1, round(side * scale)) for side in (height, width))
        return size, tuple(side + -side % SIZE_MULTIPLE for side in size)

    def _encode(self, image: Tensor) -> tuple[Tensor, ...]:
        size, _ = self._frame()
        return self.model.extract_features(resize_images(image, size))

    def _relative(self, centres: np.ndarray, sides: np.ndarray, *, is_point: bool) -> np.ndarray:
        """Boxes (N, 4) in [0, 1] of the padded image, of centres and sides (N, 2) in pixels."""
        size, padded = (np.array(each[::-1], np.float32) for each in self._frame())
        scale = size / np.array(self._image_size[::-1], np.float32)
        sides = np.full_like(sides, self.point_side) if is_point else sides * scale
        return np.concatenate([centres * scale / padded, sides / padded], axis=1).astype(np.float32)

    def _masks(self, logits: Tensor) -> np.ndarray:
        """Masks (N, K, H, W) of logits (N, K, h, w)."""
        (height, width), padded = self._frame()
        logits = F.interpolate(logits, padded, mode='bilinear')[..., :height, :width]
        logits = F.interpolate(logits, self._image_size, mode='bilinear')
        return (logits > self.threshold).cpu().numpy()
