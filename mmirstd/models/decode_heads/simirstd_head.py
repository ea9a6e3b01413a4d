"""The modified SAM decoder of SimIRSTD (Sec. 3.3, decoding process; Fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from timm.layers import LayerNorm2d
from torch import Tensor, nn

from mmirstd.models.decode_heads.mask_head import MaskHead
from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.conv import filter_map, to_map, to_tokens
from mmirstd.models.layers.feed_forward import MLP
from mmirstd.models.layers.position import FourierPosition
from mmirstd.models.layers.sam import MaskPromptEncoder, TwoWayTransformer
from mmirstd.models.losses.supervision import mask_losses
from mmirstd.registry import MODELS
from mmirstd.wording import format_count


@MODELS.register_module()
class SimIRSTDHead(MaskHead):
    """SAM's two-way transformer without upsampling, prompted by queries and an early mask.

    A single decoder query and the sparse queries that come with the features interact with
    the mask features; an MLP then turns the decoder query into the filter of the final mask. With
    ``num_prompt_queries=0`` and ``dense_prompt=False`` it needs neither prompt and works with any
    stock neck.

    Args:
        in_channels: Channels of the mask features and width of the decoder (256).
        num_prompt_queries: Number of sparse queries used as prompts: 8 in the full model (4 of the
            FPN, 4 of the encoder), 0 in the earlier steps of the roadmap.
        dense_prompt: Add the last early mask to the mask features, encoded as SAM encodes mask
            prompts (roadmap step 7). The mask comes from the neck; if only the encoder decodes
            one, set its ``predict_early_mask``.
        depth: Layers of the two-way transformer (as SAM: 2).
        num_heads: Attention heads (as SAM: 8).
        mlp_dims: Hidden width of the MLPs (as SAM: 2048).
        attention_downsample: Cross-attentions project to ``in_channels`` divided by this (as
            SAM: 2).
        upscale_dims: Widths of the two convolutions before the dot product.
        upscale_kernels: Their kernels: (1, 3) in the release; the paper says (3, 3).
        loss_decode: Loss config; the same loss supervises the final and all early masks.
        threshold: A pixel is a target if its probability exceeds this.
        in_index: Which of the input maps are the mask features.

    Raises:
        ValueError: The number of received queries is not the configured one, or the mask for
            ``dense_prompt`` is missing.
    """

    def __init__(
        self,
        in_channels: int = 256,
        *,
        num_prompt_queries: int = 0,
        dense_prompt: bool = False,
        depth: int = 2,
        num_heads: int = 8,
        mlp_dims: int = 2048,
        attention_downsample: int = 2,
        upscale_dims: tuple[int, int] = (64, 32),
        upscale_kernels: tuple[int, int] = (1, 3),
        loss_decode: dict | Sequence[dict] = ({'type': 'mmirstd.PointMaskLoss'},),
        threshold: float = 0.5,
        in_index: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            in_channels,
            upscale_dims[-1],
            **{'num_classes': 2, 'out_channels': 1, 'dropout_ratio': 0, **kwargs},
            threshold=threshold,
            in_index=in_index,
            loss_decode=loss_decode,
            init_cfg=None,
        )
        del self.conv_seg  # the filter of the decoder query takes its place
        self.num_prompt_queries = num_prompt_queries
        self.query_feat = nn.Embedding(1, in_channels)
        self.query_embed = nn.Embedding(1, in_channels)
        if num_prompt_queries:
            self.prompt_embed = nn.Embedding(num_prompt_queries, in_channels)
        self.mask_prompt = MaskPromptEncoder(in_channels, stride=None) if dense_prompt else None
        self.position = FourierPosition(in_channels // 2)
        self.transformer = TwoWayTransformer(
            depth,
            in_channels,
            num_heads,
            mlp_dims=mlp_dims,
            attention_downsample=attention_downsample,
        )
        first, second = upscale_dims
        self.upscaling = nn.Sequential(
            nn.Conv2d(in_channels, first, upscale_kernels[0], padding=upscale_kernels[0] // 2),
            LayerNorm2d(first),
            nn.GELU(),
            nn.Conv2d(first, second, upscale_kernels[1], padding=upscale_kernels[1] // 2),
            nn.GELU(),
        )
        self.mask_embed = MLP(in_channels, in_channels, second)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """All masks of the model, as ``model(images, mode='tensor')`` returns them.

        Args:
            inputs: Feature maps, possibly :class:`~mmirstd.models.features.FeatureMaps`.

        Returns:
            Logits: the final mask (N, 1, h, w), then the early masks that came with the features,
            in the order of decoding. In evaluation mode the encoder decodes its early mask only
            with ``predict_early_mask``.
        """
        return self.predict_logits(inputs), *FeatureMaps.wrap(inputs).early_masks.values()

    def predict_logits(self, features: Sequence[Tensor]) -> Tensor:
        """Logits (N, 1, h, w) of the final mask."""
        carried = FeatureMaps.wrap(features)
        x: Tensor = self._transform_inputs(carried)
        n, size = x.shape[0], tuple(x.shape[-2:])
        tokens, token_position = self._tokens(carried.queries, n)
        if self.mask_prompt is not None:
            x = x + self.mask_prompt(self._last_mask(carried))
        tokens, image = self.transformer(
            tokens,
            to_tokens(x),
            token_position,
            self.position(*size, x.dtype),
            num_outputs=1,
        )
        filters = self.mask_embed(tokens[:, 0])
        return filter_map(filters, self.upscaling(to_map(image, size)))

    @staticmethod
    def _last_mask(features: FeatureMaps) -> Tensor:
        if not features.early_masks:
            raise ValueError(
                'SimIRSTDHead was built with dense_prompt=True, but the features carry no early '
                'mask: set early_decoding=True in the neck, or predict_early_mask=True in '
                'the encoder, or dense_prompt=False'
            )
        return list(features.early_masks.values())[-1]

    def _tokens(self, queries: Tensor | None, n: int) -> tuple[Tensor, Tensor]:
        """Decoder query and prompts (N, 1 + Q, D) with their positions (1 + Q, D)."""
        own = self.query_feat.weight.expand(n, -1, -1)
        if not self.num_prompt_queries:
            return own, self.query_embed.weight
        received = 0 if queries is None else queries.shape[1]
        if received != self.num_prompt_queries:
            raise ValueError(
                'SimIRSTDHead expects '
                f'{format_count(self.num_prompt_queries, "prompt query", "prompt queries")} and '
                f'received {received}; set num_prompt_queries to the sum of FPN and encoder queries'
            )
        position = torch.cat([self.query_embed.weight, self.prompt_embed.weight])
        return torch.cat([own, queries], dim=1), position

    def loss(self, inputs: Sequence[Tensor], batch_data_samples: list, train_cfg: Any) -> dict:
        """Losses of the final and all early masks."""
        names = 'final', *FeatureMaps.wrap(inputs).early_masks
        masks = dict(zip(names, self(inputs), strict=True))
        return self.loss_by_feat(masks, batch_data_samples)

    def loss_by_feat(
        self, seg_logits: dict[str, Tensor], batch_data_samples: list
    ) -> dict[str, Tensor]:
        """Supervise all masks with the same loss and equal weights (as released)."""
        labels = self._stack_batch_gt(batch_data_samples).squeeze(1)
        losses = {}
        for mask, logits in seg_logits.items():
            prefix = '' if mask == 'final' else f'early_{mask}.'
            losses.update(mask_losses(self.loss_decode, logits, labels, self.ignore_index, prefix))
        return losses
