"""Semantic-SAM's interactive decoder: several masks of different granularity for each prompt.

Shapes: B images, N prompts, K granularities of a prompt, Q = N K queries, D width, S tokens of
the memory, h x w size of the mask features (stride 4).

Reference: Li et al., Semantic-SAM: Segment and Recognize Anything at Any Granularity, 2023.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmirstd.models.layers.conv import to_tokens
from mmirstd.models.layers.deformable import MultiScaleDeformableAttention, Size
from mmirstd.models.layers.feed_forward import MLP, FeedForward
from mmirstd.models.layers.position import sine_features
from mmirstd.models.layers.precision import without_autocast
from mmirstd.wording import format_count


class SemanticSAMOutput(NamedTuple):
    """Output of a decoder layer for B images with N prompts each.

    Attributes:
        masks: Mask logits (B, N, K, h, w).
        ious: Predicted quality (B, N, K) of the masks, about 0 to 1 but not limited to that range.
        boxes: Boxes (B, N, K, 4) of the masks, (centre x, centre y, width, height) in [0, 1].
        auxiliary: Outputs of the earlier layers, from the first to the last but one.
    """

    masks: Tensor
    ious: Tensor
    boxes: Tensor
    auxiliary: list[SemanticSAMOutput]


def inverse_sigmoid(x: Tensor, eps: float = 1e-5) -> Tensor:
    """Logits of probabilities ``x``, which are clamped to a distance of ``eps`` from 0 and 1."""
    x = x.clamp(0, 1)
    return torch.log(x.clamp(min=eps) / (1 - x).clamp(min=eps))


def box_position(boxes: Tensor, features: int) -> Tensor:
    """Sine encoding (..., 4 ``features``) of boxes (..., 4): y, x, width, height in this order."""
    encoded = sine_features(boxes * (2 * math.pi), features)  # (..., 4, F)
    return encoded[..., [1, 0, 2, 3], :].flatten(-2)


class SemanticSAMDecoderLayer(nn.Module):
    """Self-attention, deformable attention to the memory, feed-forward network; post-norm.

    Args:
        embed_dims: Width D.
        num_heads: Attention heads.
        num_levels: Levels of the memory.
        num_points: Sampling points per head and level.
        ffn_dims: Hidden width of the feed-forward network.
    """

    def __init__(
        self,
        embed_dims: int = 256,
        *,
        num_heads: int = 8,
        num_levels: int = 4,
        num_points: int = 4,
        ffn_dims: int = 2048,
    ) -> None:
        super().__init__()
        self.cross_attn = MultiScaleDeformableAttention(
            embed_dims, num_heads, num_levels, num_points
        )
        self.norm1 = nn.LayerNorm(embed_dims)
        self.self_attn = nn.MultiheadAttention(embed_dims, num_heads, batch_first=True)
        self.norm2 = nn.LayerNorm(embed_dims)
        self.ffn = FeedForward(embed_dims, ffn_dims)
        self.norm3 = nn.LayerNorm(embed_dims)

    def forward(
        self,
        queries: Tensor,
        position: Tensor,
        memory: Tensor,
        reference: Tensor,
        sizes: Sequence[Size],
        group: int,
    ) -> Tensor:
        """Update the queries.

        Args:
            queries: (B, Q, D).
            position: Position of the queries (B, Q, D).
            memory: Tokens of all levels (B, S, D).
            reference: Boxes of the queries (B, Q, 4) in [0, 1].
            sizes: (height, width) of each level.
            group: Number of consecutive queries that attend to each other.

        Returns:
            (B, Q, D).
        """
        # Attention within groups equals attention with a block-diagonal mask over all queries.
        grouped = queries.reshape(-1, group, queries.shape[-1])
        placed = grouped + position.reshape(grouped.shape)
        read, _ = self.self_attn(placed, placed, grouped, need_weights=False)
        queries = self.norm2(queries + read.reshape(queries.shape))
        read = self.cross_attn(queries + position, memory, reference[:, :, None], sizes)
        queries = self.norm1(queries + read)
        return self.norm3(queries + self.ffn(queries))


class SemanticSAMMaskDecoder(nn.Module):
    """Prompt embeddings, nine decoder layers that refine boxes, heads for masks and quality.

    A prompt is a box; a point is a tiny box. It gets one query for each granularity.

    The layers and all computations on boxes run in float32, even under autocast; masks and quality
    follow autocast.

    Args:
        embed_dims: Width D, also of the mask features.
        num_layers: Decoder layers.
        num_heads: Attention heads.
        num_levels: Levels of the memory.
        num_points: Sampling points per head and level.
        ffn_dims: Hidden width of the feed-forward networks.
        num_granularities: Masks per prompt, K.
    """

    def __init__(
        self,
        embed_dims: int = 256,
        *,
        num_layers: int = 9,
        num_heads: int = 8,
        num_levels: int = 4,
        num_points: int = 4,
        ffn_dims: int = 2048,
        num_granularities: int = 6,
    ) -> None:
        super().__init__()
        if embed_dims % 4:
            raise ValueError(f'embed_dims={embed_dims} must be a multiple of 4')
        self.embed_dims, self.num_granularities = embed_dims, num_granularities
        self.layers = nn.ModuleList(
            SemanticSAMDecoderLayer(
                embed_dims,
                num_heads=num_heads,
                num_levels=num_levels,
                num_points=num_points,
                ffn_dims=ffn_dims,
            )
            for _ in range(num_layers)
        )
        self.ref_point_head = MLP(2 * embed_dims, embed_dims, embed_dims, 2)
        self.decoder_norm = nn.LayerNorm(embed_dims)
        self.mask_embed = MLP(embed_dims, embed_dims, embed_dims)
        self.bbox_embed = MLP(embed_dims, embed_dims, 4)
        self.iou_prediction_head = MLP(embed_dims, embed_dims, 1)
        # The second row belongs to a training mode that the released models do not use.
        self.label_enc = nn.Embedding(2, embed_dims)
        self.pb_embedding = nn.Embedding(2, embed_dims)
        self.mask_tokens = nn.Embedding(num_granularities, embed_dims)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-uniform layers, and a box head that initially leaves the prompts unchanged."""
        for layer in self.layers:
            for linear in (layer.ffn.lin1, layer.ffn.lin2):
                nn.init.xavier_uniform_(linear.weight)
        last = self.bbox_embed.layers[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(
        self,
        mask_features: Tensor,
        memory: Sequence[Tensor],
        boxes: Tensor,
        kinds: Tensor,
        *,
        independent: bool = True,
        auxiliary: bool = True,
        content: Tensor | None = None,
    ) -> SemanticSAMOutput:
        """Predict masks, quality and boxes for prompts.

        Args:
            mask_features: (B, D, h, w).
            memory: Maps (B, D, ...) of the pixel decoder at strides 8, 16, 32 and 64.
            boxes: Prompts (B, N, 4), (centre x, centre y, width, height) in [0, 1] of the image
                that the maps cover.
            kinds: Row of ``pb_embedding`` for each prompt (B, N), 0 or 1.
            independent: Whether queries attend only to those of the same prompt, as in training and
                evaluation. False lets all prompts of an image attend to each other, as in the
                authors' demo. With N = 1 both are the same.
            auxiliary: Whether to compute the outputs of the earlier layers, too.
            content: Added to the content of the queries, broadcastable to (B, N, K, D); for
                learned prompts.

        Raises:
            ValueError: Shapes of boxes and kinds do not match.
        """
        b, n = kinds.shape if kinds.dim() == 2 else (0, 0)
        if boxes.shape != (len(mask_features), n, 4) or b != len(mask_features) or not n:
            raise ValueError(
                f'prompts of {format_count(len(mask_features), "image")} must be boxes (B, N, 4) '
                f'and kinds (B, N) with N > 0, got {tuple(boxes.shape)} and {tuple(kinds.shape)}'
            )
        sizes = [tuple(level.shape[-2:]) for level in reversed(memory)]
        with without_autocast(boxes.device.type):
            tokens = torch.cat([to_tokens(level) for level in reversed(memory)], dim=1).float()
            queries = self._queries(kinds, content)
            group = self.num_granularities if independent else queries.shape[1]
            # The queries of a prompt start from its box; the prompt itself is never 0 or 1.
            entering = inverse_sigmoid(boxes.float().repeat_interleave(self.num_granularities, 1))
            entering = entering.sigmoid()
            states: list[Tensor] = []
            references: list[Tensor] = []
            for layer in self.layers:
                # A learned prompt is trained through the first layer.
                reference = entering.detach() if states else entering
                position = self.ref_point_head(box_position(reference, self.embed_dims // 2))
                queries = layer(queries, position, tokens, reference, sizes, group)
                states.append(queries)
                references.append(entering)
                entering = self._move_boxes(reference, queries)
        first = 0 if auxiliary else len(self.layers) - 1
        outputs = [
            self._output(*each, mask_features)
            for each in zip(states[first:], references[first:], strict=True)
        ]
        return outputs[-1]._replace(auxiliary=outputs[:-1])

    def _queries(self, kinds: Tensor, content: Tensor | None) -> Tensor:
        """Content (B, Q, D) of the queries: kind of prompt and granularity."""
        prompt = self.label_enc.weight[0] + self.pb_embedding(kinds)
        queries = prompt[:, :, None] + self.mask_tokens.weight
        if content is not None:
            queries = queries + content
        return queries.flatten(1, 2)

    def _move_boxes(self, reference: Tensor, queries: Tensor) -> Tensor:
        """Boxes (B, Q, 4): ``reference``, refined by the queries."""
        return (self.bbox_embed(queries) + inverse_sigmoid(reference)).sigmoid()

    def _output(
        self, queries: Tensor, reference: Tensor, mask_features: Tensor
    ) -> SemanticSAMOutput:
        """Apply the heads to the state (B, Q, D) of a layer with input boxes ``reference``."""
        prompts = (-1, self.num_granularities)
        with without_autocast(queries.device.type):
            # Twice, because the published weights were trained that way.
            state = self.decoder_norm(self.decoder_norm(queries))
            # Not detached: the box of a layer also trains the layer before ("look forward twice").
            boxes = self._move_boxes(reference, state)
        masks = torch.einsum('bqd,bdhw->bqhw', self.mask_embed(state), mask_features)
        return SemanticSAMOutput(
            masks=masks.unflatten(1, prompts),
            ious=self.iou_prediction_head(state)[..., 0].unflatten(1, prompts),
            boxes=boxes.unflatten(1, prompts),
            auxiliary=[],
        )
