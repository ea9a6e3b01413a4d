"""Semantic-SAM's decoders as a head that segments with a fixed prompt.

Shapes: B images, N prompts, K granularities of a prompt, h x w size of the masks (stride 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmirstd.models.decode_heads.mask_head import MaskHead
from mmirstd.models.semantic_sam.criterion import iou_loss
from mmirstd.models.semantic_sam.mask_decoder import (
    SemanticSAMMaskDecoder,
    SemanticSAMOutput,
    inverse_sigmoid,
)
from mmirstd.models.semantic_sam.pixel_decoder import SemanticSAMPixelDecoder
from mmirstd.registry import MODELS

PROMPTS = ('full_box', 'learned')
FULL_BOX = (0.5, 0.5, 1.0, 1.0)
LEARNED_BOX = (0.5, 0.5, 0.9, 0.9)
"""Initial value of learned prompts, away from the border, where the sigmoid has no gradient."""


@MODELS.register_module()
class SemanticSAMHead(MaskHead):
    """Pixel decoder and interactive decoder of Semantic-SAM, with a fixed prompt.

    As for the other generalists, the prompt is the same for every image, because a box from
    the ground truth would reveal the position of the target at test time. For each image, the mask
    with the lowest loss among all granularities is trained (Semantic-SAM's many-to-one training),
    and so is the predicted IoU of every mask. The mask with the highest predicted IoU is the
    prediction.

    The box head is never trained, since there are no boxes to learn. It is kept, with
    ``requires_grad=False``, because the refinement of the reference boxes uses it.

    Args:
        in_channels: Channels of the backbone's maps at strides 4, 8, 16, 32.
        prompt: 'full_box': one box around the image; 'learned': trained boxes and contents.
        num_learned_prompts: Number of prompts N for 'learned'.
        prompt_kind: Row of the prompt embedding, 0 or 1.
        pixel_decoder: Other sizes of the pixel decoder; see
            :class:`~mmirstd.models.semantic_sam.pixel_decoder.SemanticSAMPixelDecoder`.
        mask_decoder: Other sizes of the interactive decoder; see
            :class:`~mmirstd.models.semantic_sam.mask_decoder.SemanticSAMMaskDecoder`.
        deep_supervision: Also train the masks of the earlier layers, as Semantic-SAM does.
        iou_weight: Weight of the loss of the predicted IoUs.
        loss_decode: A loss with ``per_mask``, such as `mmirstd.PointMaskLoss`.
        threshold: A pixel is a target if its probability exceeds this.
        in_index: Which of the input maps to use.

    Raises:
        ValueError: ``prompt`` is not known, or the loss has no value for each mask.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (96, 192, 384, 768),
        *,
        prompt: str = 'full_box',
        num_learned_prompts: int = 1,
        prompt_kind: int = 0,
        pixel_decoder: dict | None = None,
        mask_decoder: dict | None = None,
        deep_supervision: bool = True,
        iou_weight: float = 1.0,
        loss_decode: dict = {'type': 'mmirstd.PointMaskLoss'},  # noqa: B006  (MMSeg copies it)
        threshold: float = 0.5,
        in_index: Sequence[int] = (0, 1, 2, 3),
        **kwargs: Any,
    ) -> None:
        if prompt not in PROMPTS:
            raise ValueError(
                f'prompt={prompt!r} must be one of {PROMPTS}: Semantic-SAM requires a prompt'
            )
        if prompt_kind not in (0, 1):
            raise ValueError(f'prompt_kind={prompt_kind} must be 0 or 1')
        super().__init__(
            list(in_channels),
            1,
            **{'num_classes': 2, 'out_channels': 1, 'dropout_ratio': 0, **kwargs},
            threshold=threshold,
            in_index=list(in_index),
            input_transform='multiple_select',
            loss_decode=loss_decode,
            init_cfg=None,
        )
        if not hasattr(self.loss_decode, 'per_mask'):
            raise ValueError(
                f'loss_decode={loss_decode} must have a method per_mask, as mmirstd.PointMaskLoss '
                'has, because each image trains only the best of its masks'
            )
        del self.conv_seg  # masks are dot products of queries and features
        self.prompt, self.prompt_kind = prompt, prompt_kind
        self.deep_supervision, self.iou_weight = deep_supervision, iou_weight
        self.pixel_decoder = SemanticSAMPixelDecoder(in_channels, **(pixel_decoder or {}))
        width = self.pixel_decoder.embed_dims
        self.mask_decoder = SemanticSAMMaskDecoder(width, **(mask_decoder or {}))
        self.mask_decoder.bbox_embed.requires_grad_(False)
        if prompt == 'learned':
            # Embeddings rather than bare parameters, so that they get no weight decay.
            self.prompt_content = nn.Embedding(num_learned_prompts, width)
            nn.init.normal_(self.prompt_content.weight, std=0.02)
            start = inverse_sigmoid(torch.tensor(LEARNED_BOX))
            self.prompt_box = nn.Embedding.from_pretrained(
                start.repeat(num_learned_prompts, 1), freeze=False
            )

    def decode(self, inputs: Sequence[Tensor], *, auxiliary: bool = False) -> SemanticSAMOutput:
        """Masks (B, N, K, h, w) and predicted IoUs (B, N, K) for the fixed prompt."""
        mask_features, memory = self.pixel_decoder(self._transform_inputs(inputs))
        content = None
        if self.prompt == 'learned':
            boxes = self.prompt_box.weight.sigmoid()
            content = self.prompt_content.weight[:, None]
        else:
            boxes = mask_features.new_tensor([FULL_BOX])
        boxes = boxes.expand(len(mask_features), -1, -1)
        kinds = torch.full(boxes.shape[:2], self.prompt_kind, device=boxes.device)
        return self.mask_decoder(
            mask_features, memory, boxes, kinds, auxiliary=auxiliary, content=content
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Logits (B, 1, h, w) of the mask with the highest predicted IoU."""
        output = self.decode(inputs)
        best = output.ious.flatten(1).argmax(dim=1)
        return output.masks.flatten(1, 2)[torch.arange(len(best)), best][:, None]

    def loss(
        self, inputs: Sequence[Tensor], batch_data_samples: list, train_cfg: dict
    ) -> dict[str, Tensor]:
        """Losses of the best mask of every image and of all predicted IoUs.

        Args:
            inputs: Maps of the backbone.
            batch_data_samples: Labels, at any resolution.
            train_cfg: Unused, as in MMSeg.

        Returns:
            ``'loss_mask_bce'``, ``'loss_mask_dice'`` and ``'loss_iou'`` of the last layer. With
            deep supervision also the sums over the earlier layers, as ``'aux_loss_mask_bce'`` and
            so on, for the masks that are the best ones in the last layer.
        """
        del train_cfg
        labels = self._stack_batch_gt(batch_data_samples).squeeze(1)
        output = self.decode(inputs, auxiliary=self.deep_supervision)
        bce, dice, quality = self._losses(output, labels)
        weights = self.loss_decode.bce_weight, self.loss_decode.dice_weight
        best = (weights[0] * bce + weights[1] * dice).argmin(dim=1, keepdim=True)
        name = self.loss_decode.loss_name
        losses: dict[str, Tensor] = {}
        layers = [(bce, dice, quality)]
        layers += [self._losses(layer, labels) for layer in output.auxiliary]
        for index, (bce, dice, quality) in enumerate(layers):
            prefix = 'aux_' if index else ''
            for key, value in (
                (f'{prefix}{name}_bce', weights[0] * bce.gather(1, best).mean()),
                (f'{prefix}{name}_dice', weights[1] * dice.gather(1, best).mean()),
                (f'{prefix}loss_iou', self.iou_weight * quality.mean()),
            ):
                losses[key] = losses[key] + value if key in losses else value
        return losses

    def _losses(self, output: SemanticSAMOutput, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """BCE, Dice and IoU loss (B, N K) of every mask, for labels (B, H, W)."""
        masks = output.masks.flatten(1, 2)
        count = masks.shape[1]
        bce, dice = self.loss_decode.per_mask(
            masks.flatten(0, 1)[:, None],
            labels.repeat_interleave(count, dim=0),
            self.ignore_index,
        )
        quality = iou_loss(output.ious.flatten().float(), dice)
        return tuple(each.unflatten(0, (-1, count)) for each in (bce, dice, quality))
