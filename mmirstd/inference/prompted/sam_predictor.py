"""Segment objects from prompts with a model of the SAM family.

Shapes: H/W size of the user's image, S side of the encoder's square image, B prompts, K masks
of a prompt, P points.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
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
from mmirstd.models.backbones.promptable_encoder import PromptableEncoder
from mmirstd.models.decode_heads.sam_head import STRIDE, SAMHead
from mmirstd.models.fuse import prepare_for_inference
from mmirstd.renamed import accept_old_arguments
from mmirstd.wording import format_count


class SAMPredictor(PromptPredictor):
    """Encodes an image once and answers any number of prompts about it.

    Args:
        model: Segmentor with one of the SAM-like encoders and heads.
        loader: Arguments of `mmirstd.LoadIRImage`, which brings images to 0..255.
        keep_ratio: Whether images keep their aspect ratio and are padded (SAM, SAM-HQ, MobileSAM)
            or are stretched to a square (EfficientSAM, and what this package's fine-tuning does).
            None: as the published weights expect.
        threshold: A pixel belongs to a mask if its logit exceeds this.

    Raises:
        ValueError: The model is of another kind, or does not know its normalisation.

    Example:
        >>> sam = SAMPredictor.from_config('sam_vit_b_sirst', 'sam.pth')  # doctest: +SKIP
        >>> sam.set_image('frame.png')  # doctest: +SKIP
        >>> answer = sam.predict(point_coords=[(120, 84)], point_labels=[1])  # doctest: +SKIP
        >>> answer.masks[0, answer.scores[0].argmax()].sum()  # doctest: +SKIP
    """

    def __init__(
        self,
        model: nn.Module,
        loader: dict | None = None,
        *,
        keep_ratio: bool | None = None,
        threshold: float = 0.0,
    ) -> None:
        encoder = getattr(model, 'backbone', None)
        head = getattr(model, 'decode_head', None)
        if not isinstance(encoder, PromptableEncoder) or not isinstance(head, SAMHead):
            raise ValueError(
                'SAMPredictor needs a model of the SAM family (configs in configs/sam, sam_hq, '
                f'mobile_sam, efficient_sam), got {type(encoder).__name__} with '
                f'{type(head).__name__}'
            )
        super().__init__(model.data_preprocessor, loader, threshold=threshold)
        self.model = model.eval()
        self.encoder, self.head = encoder, head
        self.keep_ratio = encoder.keep_ratio if keep_ratio is None else keep_ratio

    @classmethod
    def from_config(
        cls,
        config_or_name: str | Path | Config,
        checkpoint: str | Path | None = None,
        device: str | torch.device = 'cpu',
        *,
        intensity_range: IntensityRange | None = None,
        keep_ratio: bool | None = None,
        threshold: float = 0.0,
        fuse: bool = True,
        untrained: bool = False,
    ) -> SAMPredictor:
        """Build the model of a config and load weights into it.

        Args:
            config_or_name: Path of a config, the name of a config, or a loaded config.
            checkpoint: Converted or fine-tuned weights; None takes the config's ``load_from``.
            device: Where to compute.
            intensity_range: Sensor values that become 0 and 255 instead of the config's choice.
            keep_ratio: See the class; give False for weights that were fine-tuned here.
            threshold: See the class.
            fuse: Fold batch norms and arrange memory for inference, with the same answers.
            untrained: Whether weights may be missing; they are random then.

        Raises:
            FileNotFoundError: The config or the checkpoint does not exist.
            ValueError: They are unusable or missing, or the model is of another kind.
        """
        config = load_config(config_or_name)
        loader, _ = split_pipeline(config, intensity_range)
        model = build_model(config, checkpoint, device, untrained=untrained)
        if fuse:
            model = prepare_for_inference(model)
        return cls(model, loader, keep_ratio=keep_ratio, threshold=threshold)

    @accept_old_arguments(
        points='point_coords',
        labels='point_labels',
        mask='mask_input',
        multimask='multimask_output',
    )
    def predict(
        self,
        point_coords: np.ndarray | list | None = None,
        point_labels: np.ndarray | list | None = None,
        box: np.ndarray | list | None = None,
        mask_input: np.ndarray | None = None,
        multimask_output: bool = True,
    ) -> PromptedMasks:
        """Answer one prompt; its parts may be combined, and all may be absent.

        The arguments have the names of SAM's own predictor. For several prompts at once see
        :meth:`predict_points` and :meth:`predict_boxes`.

        Args:
            point_coords: (P, 2), (x, y) in pixels of the image: the P clicks of this prompt.
            point_labels: (P,): 1 on the target, 0 on background (EfficientSAM knows only 1).
            box: (x1, y1, x2, y2) in pixels.
            mask_input: Logits (S / 4, S / 4), one of an earlier answer (not for EfficientSAM).
            multimask_output: Whether the prompt is ambiguous, as a single click is: SAM then
                offers three masks, SAM-HQ the best of them. Fine-tuning here trains only the mask
                for False.

        Returns:
            Answers with B = 1.

        Raises:
            RuntimeError: There is no image yet.
            TypeError: An argument is unknown, or given under both names.
            ValueError: The prompt is unusable; the message names what is wrong.
        """
        self._ready()
        if (point_coords is None) != (point_labels is None):
            raise ValueError('point_coords and point_labels must be given together')
        points = labels = None
        if point_coords is not None:
            points = check_points(point_coords, self.image_size)
            labels = np.asarray(point_labels)
            if labels.shape != (len(points),):
                raise ValueError(
                    f'one label for each of {format_count(len(points), "point")} is needed, got '
                    f'{labels.shape}'
                )
            points, labels = points[None], labels[None]
        mask = None
        if mask_input is not None:
            mask = np.asarray(mask_input, np.float32)
            side = self.encoder.img_size // 4
            if mask.shape[-2:] != (side, side) or mask.size != side * side:
                raise ValueError(
                    f'mask_input must be logits of {side} x {side} as in an earlier answer, got '
                    f'{mask.shape}'
                )
            mask = mask.reshape(1, 1, side, side)
        boxes = None if box is None else np.asarray(box).reshape(1, -1)
        return self._answer(points, labels, boxes, mask, multimask_output)

    def predict_points(
        self, points: np.ndarray | list, multimask_output: bool = True
    ) -> PromptedMasks:
        """Answer B prompts of one click each, (x, y) in pixels, on different targets, all at once.

        Raises:
            RuntimeError: There is no image yet.
            ValueError: A point is unusable.
        """
        self._ready()
        points = check_points(points, self.image_size)[:, None]
        return self._answer(points, np.ones(points.shape[:2], int), None, None, multimask_output)

    def predict_boxes(self, boxes: np.ndarray | list) -> PromptedMasks:
        """One mask (K = 1) for each box (B, 4), (x1, y1, x2, y2) in pixels, all at once.

        The boxes may be those of a detector.

        Raises:
            RuntimeError: There is no image yet.
            ValueError: A box is unusable.
        """
        return self._answer(None, None, np.asarray(boxes), None, multimask_output=False)

    @torch.inference_mode()
    def _answer(
        self,
        points: np.ndarray | None,
        labels: np.ndarray | None,
        boxes: np.ndarray | None,
        masks: np.ndarray | None,
        multimask_output: bool,
    ) -> PromptedMasks:
        height, width = self.image_size
        boxes = None if boxes is None else check_boxes(boxes, self.image_size)
        side = self.encoder.img_size
        inner_height, inner_width = self._inner_size()
        features = self._ready()
        device = features[0].device
        scale = torch.tensor([inner_width / width, inner_height / height], device=device)

        def tensor(array: np.ndarray | None) -> Tensor | None:
            return None if array is None else torch.from_numpy(array).to(device)

        sparse, dense = self.head.prompt_encoder(
            None if points is None else tensor(points) * scale,
            tensor(labels),
            None if boxes is None else tensor(boxes) * scale.repeat(2),
            tensor(masks),
            image_size=(side, side),
        )
        logits, scores = self.head.decode(features, sparse, dense)
        logits, scores = self.head.choose(logits, scores, multimask_output)
        return PromptedMasks(
            masks=(self._at_image(logits) > self.threshold).cpu().numpy(),
            scores=scores.float().cpu().numpy(),
            logits=logits.float().cpu().numpy(),
        )

    def _inner_size(self) -> tuple[int, int]:
        """(height, width) of the image inside the encoder's frame."""
        side = self.encoder.img_size
        if not self.keep_ratio:
            return side, side
        height, width = self._image_size
        scale = side / max(height, width)
        return int(height * scale + 0.5), int(width * scale + 0.5)

    def _encode(self, image: Tensor) -> tuple[Tensor, ...]:
        """Maps of the encoder for the normalised image (1, 3, H, W)."""
        return self.encoder.encode(self._frame(image))

    def _frame(self, x: Tensor) -> Tensor:
        """(1, 3, H, W) -> (1, 3, S, S), resized and padded with zeros on the right and below."""
        if not self.keep_ratio:
            return self.encoder.fit(x)
        size, side = self._inner_size(), self.encoder.img_size
        return F.pad(resize_images(x, size), (0, side - size[1], 0, side - size[0]))

    def _at_image(self, logits: Tensor) -> Tensor:
        """(B, K, S / 4, S / 4) -> (B, K, H, W)."""
        if self.keep_ratio:
            side = logits.shape[-1] * STRIDE // 4
            height, width = self._inner_size()
            logits = F.interpolate(logits.float(), (side, side), mode='bilinear')
            logits = logits[..., :height, :width]
        return F.interpolate(logits.float(), self._image_size, mode='bilinear')
