"""The mask decoders of the SAM family as heads that segment with a fixed prompt.

Shapes: N images, Q sparse tokens, D width, h/w size of the image embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmirstd.models.decode_heads.mask_head import MaskHead
from mmirstd.models.layers.attention import Attention
from mmirstd.models.layers.mask_decoder import (
    EfficientSAMMaskDecoder,
    HQMaskDecoder,
    SAMMaskDecoder,
)
from mmirstd.models.layers.prompt_encoder import EfficientSAMPromptEncoder, SAMPromptEncoder
from mmirstd.models.losses.supervision import mask_losses
from mmirstd.registry import MODELS

PROMPTS = ('none', 'full_box', 'learned')
STRIDE = 16
"""Pixels of the encoder's image per pixel of the embedding."""


@MODELS.register_module()
class SAMHead(MaskHead):
    """Prompt encoder and mask decoder of SAM and MobileSAM, with a fixed prompt.

    The paper fine-tunes the generalists on infrared datasets and does not say with which prompt.
    Boxes from the ground truth would reveal the position of the target at test time, so the
    prompt is the same for every image. Mask token 0, the one for unambiguous prompts, is trained
    and predicted; logits have a quarter of the resolution of the encoder's image.

    Parameters that this prompt and mask never use are kept for the checkpoint, with
    ``requires_grad=False``. :meth:`decode` takes any prompt, for interactive use.

    Args:
        in_channels: Channels D of the image embedding.
        prompt: 'none': no points and no boxes, as in IRSAM; 'full_box': one box around the
            image; 'learned': trained tokens instead of points.
        num_learned_prompts: Number of tokens for 'learned'.
        decoder: Other sizes of the mask decoder; see
            :class:`mmirstd.models.layers.mask_decoder.SAMMaskDecoder`.
        loss_decode: Loss config.
        threshold: A pixel is a target if its probability exceeds this.
        in_index: Which of the input maps is the image embedding.

    Raises:
        ValueError: ``prompt`` is not known.
    """

    def __init__(
        self,
        in_channels: int = 256,
        *,
        prompt: str = 'none',
        num_learned_prompts: int = 4,
        decoder: dict | None = None,
        loss_decode: dict | Sequence[dict] = ({'type': 'mmirstd.PointMaskLoss'},),
        threshold: float = 0.5,
        in_index: int = 0,
        **kwargs: Any,
    ) -> None:
        if prompt not in PROMPTS:
            raise ValueError(f'prompt={prompt!r} must be one of {PROMPTS}')
        super().__init__(
            in_channels,
            in_channels // 8,
            **{'num_classes': 2, 'out_channels': 1, 'dropout_ratio': 0, **kwargs},
            threshold=threshold,
            in_index=in_index,
            loss_decode=loss_decode,
            init_cfg=None,
        )
        del self.conv_seg  # masks are dot products of tokens and features
        self.prompt = prompt
        self.prompt_encoder, self.mask_decoder = self._build(in_channels, decoder or {})
        if prompt == 'learned':
            self.learned_prompts = nn.Embedding(num_learned_prompts, in_channels)
        self._freeze_unused()

    def _build(self, embed_dims: int, decoder: dict) -> tuple[nn.Module, SAMMaskDecoder]:
        """Prompt encoder and mask decoder."""
        return SAMPromptEncoder(embed_dims), SAMMaskDecoder(embed_dims, **decoder)

    def _freeze_unused(self) -> None:
        self.prompt_encoder.requires_grad_(False)
        for part in self.prompt_encoder.used_parts(self.prompt):
            part.requires_grad_(True)
        self.mask_decoder.iou_prediction_head.requires_grad_(False)
        self.mask_decoder.output_hypernetworks_mlps[1:].requires_grad_(False)
        for module in self.mask_decoder.modules():
            if isinstance(module, Attention):  # the softmax cancels the bias of the keys
                module.k_proj.bias.requires_grad_(False)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Mask logits (N, 1, 4 h, 4 w) for the fixed prompt."""
        return self.select(self.decode(inputs, *self.fixed_prompt(inputs))[0])

    def select(self, masks: Tensor) -> Tensor:
        """The mask (N, 1, 4 h, 4 w) that is trained and predicted, of all masks (N, M, ...)."""
        return masks[:, :1]

    def choose(self, masks: Tensor, iou: Tensor, multimask: bool) -> tuple[Tensor, Tensor]:
        """Masks and predicted IoUs for interactive use: mask 0, or three for an ambiguous prompt.

        Args:
            masks: All mask logits (B, M, ...) of :meth:`decode`.
            iou: All predicted IoUs (B, M').
            multimask: Whether the prompt is ambiguous, as a single click is.

        Returns:
            Logits (B, K, ...) and IoUs (B, K); K is 1 or 3.
        """
        chosen = slice(1, iou.shape[1]) if multimask else slice(0, 1)
        return masks[:, chosen], iou[:, chosen]

    def fixed_prompt(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Sparse tokens (1, Q, D) and dense prompt, the same for every image."""
        height, width = size = self.image_size(inputs)
        boxes = None
        if self.prompt == 'full_box':
            boxes = inputs[self.in_index].new_tensor([[0, 0, width, height]], dtype=torch.float32)
        sparse, dense = self.prompt_encoder(boxes=boxes, image_size=size)
        if self.prompt == 'learned':
            sparse = self.learned_prompts.weight[None]
        return sparse, dense

    def image_size(self, inputs: Sequence[Tensor]) -> tuple[int, int]:
        """(height, width) of the encoder's image; prompts are in its pixels."""
        h, w = inputs[self.in_index].shape[-2:]
        return h * STRIDE, w * STRIDE

    def decode(
        self, inputs: Sequence[Tensor], sparse: Tensor, dense: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """All masks and their predicted IoUs for encoded prompts.

        Args:
            inputs: Maps of the encoder.
            sparse: Tokens (B, Q, D) of the prompt encoder.
            dense: Its dense prompt.

        Returns:
            Mask logits (B or N, M, 4 h, 4 w) and IoUs (B or N, M'), see
            :class:`~mmirstd.models.layers.mask_decoder.SAMMaskDecoder`.
        """
        image = self._transform_inputs(inputs)
        position = self.prompt_encoder.pe_layer(*image.shape[-2:])
        return self.mask_decoder(image, position, sparse, dense, self._early(inputs))

    def _early(self, inputs: Sequence[Tensor]) -> Tensor | None:
        del inputs
        return None

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """Losses of the mask (N, 1, 4 h, 4 w) against the labels at their own resolution."""
        labels = self._stack_batch_gt(batch_data_samples).squeeze(1)
        return mask_losses(self.loss_decode, seg_logits, labels, self.ignore_index)


@MODELS.register_module()
class SAMHQHead(SAMHead):
    """Prompt encoder and mask decoder of SAM-HQ, with a fixed prompt.

    Args:
        in_channels: Channels D of the image embedding.
        early_channels: Channels of the encoder's early features, which are its second map.
        hq_token_only: Predict the high-quality mask alone instead of its sum with mask 0. The
            authors evaluate with the sum.
        train_hq_only: Train only the 25 tensors that SAM-HQ adds, as its authors do, and keep
            SAM's frozen; freeze the encoder, too.
        **kwargs: Arguments of :class:`SAMHead`.
    """

    def __init__(
        self,
        in_channels: int = 256,
        *,
        early_channels: int = 768,
        hq_token_only: bool = False,
        train_hq_only: bool = False,
        **kwargs: Any,
    ) -> None:
        self.early_channels = early_channels
        self.hq_token_only = hq_token_only
        self.train_hq_only = train_hq_only
        super().__init__(in_channels, **kwargs)

    def _build(self, embed_dims: int, decoder: dict) -> tuple[nn.Module, HQMaskDecoder]:
        mask_decoder = HQMaskDecoder(embed_dims, self.early_channels, **decoder)
        return SAMPromptEncoder(embed_dims), mask_decoder

    def _freeze_unused(self) -> None:
        super()._freeze_unused()
        decoder = self.mask_decoder
        if self.hq_token_only:
            decoder.output_hypernetworks_mlps.requires_grad_(False)
        if self.train_hq_only:
            self.requires_grad_(False)
            for part in (
                decoder.hf_token,
                decoder.hf_mlp,
                decoder.compress_vit_feat,
                decoder.embedding_encoder,
                decoder.embedding_maskfeature,
            ):
                part.requires_grad_(True)
            if self.prompt == 'learned':
                self.learned_prompts.requires_grad_(True)

    def select(self, masks: Tensor) -> Tensor:
        """Mask 0 plus the high-quality mask, or the latter alone."""
        fine = masks[:, -1:]
        return fine if self.hq_token_only else masks[:, :1] + fine

    def choose(self, masks: Tensor, iou: Tensor, multimask: bool) -> tuple[Tensor, Tensor]:
        """One mask: mask 0, or the best of the three by predicted IoU, plus the fine mask."""
        rough, scores = super().choose(masks, iou, multimask)
        best = scores.argmax(dim=1, keepdim=True)
        fine = masks[:, -1:]
        if not self.hq_token_only:
            fine = fine + rough.take_along_dim(best[..., None, None], dim=1)
        return fine, scores.take_along_dim(best, dim=1)

    def _early(self, inputs: Sequence[Tensor]) -> Tensor | None:
        return inputs[1] if len(inputs) > 1 else None


@MODELS.register_module()
class EfficientSAMHead(SAMHead):
    """Prompt encoder and mask decoder of EfficientSAM, with a fixed prompt.

    'none' means six invalid points, with which EfficientSAM pads prompts. The arguments are
    those of :class:`SAMHead`.
    """

    def _build(self, embed_dims: int, decoder: dict) -> tuple[nn.Module, EfficientSAMMaskDecoder]:
        mask_decoder = EfficientSAMMaskDecoder(embed_dims, **decoder)
        return EfficientSAMPromptEncoder(embed_dims), mask_decoder
