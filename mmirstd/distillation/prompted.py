"""Promptable models as MMEngine models: data in, losses or masks out.

Shapes: B images, N prompts, G masks per prompt, H x W size of the padded images, h x w = stride 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.model import BaseModel, ImgDataPreprocessor
from torch import Tensor

from mmirstd.checkpoints import load_checkpoint
from mmirstd.datasets.prompted.sa1b import INSIDE
from mmirstd.models.semantic_sam import SemanticSAM, SemanticSAMOutput
from mmirstd.models.semantic_sam.boxes import mask_boxes
from mmirstd.models.semantic_sam.criterion import layer_losses
from mmirstd.models.semantic_sam.matching import match
from mmirstd.registry import MODELS
from mmirstd.renamed import accept_old_arguments

SIZE_MULTIPLE = 32


@MODELS.register_module()
class PromptDataPreprocessor(ImgDataPreprocessor):
    """Normalise and stack images, and stack their prompts.

    Images are padded with zeros after normalisation, at the bottom and the right, to a multiple
    of 32. Boxes relative to the image are converted to boxes relative to the padded image. The
    defaults are ImageNet's statistics of RGB, which Semantic-SAM and RepViT share.

    Args:
        mean: Means of the channels in RGB order.
        std: Standard deviations of the channels in RGB order.
        pad_size_divisor: Sides are padded to multiples of this.
        bgr_to_rgb: Whether images are BGR, as everywhere in OpenMMLab.
        **kwargs: As in MMEngine's ``ImgDataPreprocessor``.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        *,
        pad_size_divisor: int = SIZE_MULTIPLE,
        bgr_to_rgb: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(mean, std, pad_size_divisor, bgr_to_rgb=bgr_to_rgb, **kwargs)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch of :class:`mmirstd.SA1BDataset` or :class:`mmirstd.SA1BClicks`.

        Returns:
            ``inputs`` (B, 3, H, W); in ``data_samples`` ``boxes`` (B, N, 4), ``kinds`` (B, N),
            ``valid`` (B, 2) and, in training, for each image ``masks`` (M, ., .) in [0, 1],
            their ``mask_boxes`` (M, 4) and ``targets`` (N, L). Other entries are only moved to the
            device.

        Raises:
            ValueError: Images of a batch have different numbers of prompts.
        """
        samples = dict(data['data_samples'])
        if len({len(kinds) for kinds in samples['kinds']}) > 1:
            raise ValueError(
                'images of one batch have different numbers of prompts, '
                f'{[len(kinds) for kinds in samples["kinds"]]}: use batch_size=1'
            )
        if not training:  # the metric reads the ground truth from the batch
            samples = {key: samples[key] for key in ('boxes', 'kinds', 'valid')}
        sizes = [image.shape[-2:] for image in data['inputs']]
        prepared = super().forward({**data, 'data_samples': samples}, training)
        samples = prepared['data_samples']
        height, width = prepared['inputs'].shape[-2:]
        share = torch.tensor([[w / width, h / height] * 2 for h, w in sizes])
        boxes = torch.stack(list(samples['boxes']))
        samples['boxes'] = boxes * share[:, None].to(boxes)
        samples['kinds'] = torch.stack(list(samples['kinds']))
        samples['valid'] = torch.stack(list(samples['valid']))
        if 'masks' in samples:
            samples['masks'] = [mask.float() / INSIDE for mask in samples['masks']]
            samples['mask_boxes'] = [soft_mask_boxes(masks) for masks in samples['masks']]
        return prepared


class PromptedModel(BaseModel):
    """Base class of models that map images and prompts to masks of several granularities.

    Args:
        data_preprocessor: Config; :class:`PromptDataPreprocessor` by default.
    """

    def __init__(self, data_preprocessor: dict | None = None) -> None:
        super().__init__(data_preprocessor or {'type': 'mmirstd.PromptDataPreprocessor'})

    def answer(
        self, images: Tensor, boxes: Tensor, kinds: Tensor, auxiliary: bool = False
    ) -> SemanticSAMOutput:
        """Masks, predicted IoUs and boxes for prompts (B, N, 4) of kinds (B, N)."""
        raise NotImplementedError

    def loss(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Losses of a training batch."""
        raise NotImplementedError

    def predict(self, inputs: Tensor, data_samples: dict) -> list[dict]:
        """For each image ``masks`` (N, G, h, w), ``ious`` (N, G) and ``padded_size``."""
        output = self.answer(inputs, data_samples['boxes'], data_samples['kinds'])
        size = tuple(inputs.shape[-2:])
        return [
            {'masks': masks, 'ious': ious, 'padded_size': size}
            for masks, ious in zip(output.masks, output.ious, strict=True)
        ]

    def forward(
        self, inputs: Tensor, data_samples: dict, mode: str = 'tensor', **more: Any
    ) -> SemanticSAMOutput | list[dict] | dict[str, Tensor]:
        """MMEngine's entry point with the modes ``'loss'``, ``'predict'`` and ``'tensor'``."""
        if mode == 'loss':
            return self.loss(inputs, data_samples, **more)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        return self.answer(inputs, data_samples['boxes'], data_samples['kinds'])


@MODELS.register_module()
@accept_old_arguments(network='semantic_sam')
class PromptedSemanticSAM(PromptedModel):
    """Semantic-SAM for training with its many-to-many losses or for testing with clicks.

    Args:
        semantic_sam: Config of :class:`mmirstd.SemanticSAM`.
        checkpoint: Initial weights or weights to test; None for random ones.
        num_points: Points per mask of matching and losses.
        data_preprocessor: See :class:`PromptDataPreprocessor`.
    """

    def __init__(
        self,
        semantic_sam: dict,
        *,
        checkpoint: str | None = None,
        num_points: int = 12544,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(data_preprocessor)
        self.network = MODELS.build(semantic_sam)  # the name is in checkpoints
        self.num_points = num_points
        if checkpoint is not None:
            load_semantic_sam(self.network, checkpoint)

    def answer(
        self, images: Tensor, boxes: Tensor, kinds: Tensor, auxiliary: bool = False
    ) -> SemanticSAMOutput:
        """See the base class."""
        return self.network(images, boxes, kinds, auxiliary=auxiliary)

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # A converted file contains only the model.
        for part in ('backbone.', 'pixel_decoder.', 'mask_decoder.', 'decode_head.'):
            for key in [key for key in state_dict if key.startswith(prefix + part)]:
                inner = key.removeprefix(prefix)
                state_dict[f'{prefix}network.{inner}'] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def loss(self, inputs: Tensor, data_samples: dict) -> dict[str, Tensor]:
        """Losses of all layers after one matching."""
        output = self.answer(inputs, data_samples['boxes'], data_samples['kinds'], auxiliary=True)
        masks, boxes = data_samples['masks'], data_samples['mask_boxes']
        matches = match(
            output, masks, data_samples['targets'], boxes=boxes, num_points=self.num_points
        )
        num_pairs = torch.tensor(float(len(matches.images)), device=output.masks.device)
        # Gradients are averaged over the processes. Each divides by the mean number of pairs, so
        # all pairs have the same weight.
        all_reduce(num_pairs, op='mean')
        return layer_losses(
            output, matches, masks, boxes, num_points=self.num_points, num_pairs=num_pairs.item()
        )


def soft_mask_boxes(masks: Tensor) -> Tensor:
    """Boxes (M, 4), (centre x, centre y, width, height) in [0, 1], of masks (M, H, W) in [0, 1].

    The box encloses the cells whose coverage is at least half of the largest coverage.
    """
    peak = masks.flatten(1).amax(1)[:, None, None]
    return mask_boxes(masks >= 0.5 * peak.clamp(min=1e-6))


def load_semantic_sam(model: SemanticSAM, checkpoint: str | Path) -> None:
    """Load a converted or trained checkpoint strictly.

    Args:
        model: The model to load into.
        checkpoint: A file from ``mmirstd convert semantic-sam`` or from a training of
            :class:`PromptedSemanticSAM`.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: Keys or shapes do not match; the message names the file.
    """
    content = load_checkpoint(checkpoint)
    state = content.get('state_dict', content)
    inner = {k.removeprefix('network.'): v for k, v in state.items() if k.startswith('network.')}
    try:
        model.load_state_dict(inner or dict(state))
    except RuntimeError as error:
        raise ValueError(
            f'{checkpoint} does not contain weights of this Semantic-SAM. Convert released files '
            f'with `mmirstd convert semantic-sam` first. {error}'
        ) from error
