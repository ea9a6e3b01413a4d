"""One layer of a multi-scale deformable encoder (Zhu et al., Deformable DETR, Sec. 4.1)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmirstd.models.layers.deformable import MultiScaleDeformableAttention, Size
from mmirstd.models.layers.feed_forward import FeedForward


class DeformableEncoderLayer(nn.Module):
    """Deformable attention and a feed-forward network, each with residual and post-norm.

    Args:
        embed_dims: Width D of the tokens.
        num_heads: Attention heads.
        num_levels: Number of levels that are sampled.
        num_points: Sampling points per head and level.
        ffn_dims: Hidden width of the feed-forward network.
        chunk_tokens: Tokens per chunk of the feed-forward network; None for all at once.
    """

    def __init__(
        self,
        embed_dims: int = 256,
        *,
        num_heads: int = 8,
        num_levels: int = 4,
        num_points: int = 4,
        ffn_dims: int = 2048,
        chunk_tokens: int | None = None,
    ) -> None:
        super().__init__()
        self.self_attn = MultiScaleDeformableAttention(
            embed_dims, num_heads, num_levels, num_points
        )
        self.norm1 = nn.LayerNorm(embed_dims)
        self.ffn = FeedForward(embed_dims, ffn_dims, chunk_tokens=chunk_tokens)
        self.norm2 = nn.LayerNorm(embed_dims)

    def update(
        self,
        tokens: Tensor,
        position: Tensor,
        value: Tensor,
        reference: Tensor,
        sizes: Sequence[Size],
    ) -> Tensor:
        """Let ``tokens`` attend to ``value``.

        Args:
            tokens: (N, Q, D).
            position: Their position, broadcastable to them.
            value: Tokens of all levels (N, S, D).
            reference: See :meth:`MultiScaleDeformableAttention.forward`.
            sizes: (height, width) of each level.

        Returns:
            (N, Q, D).
        """
        tokens = self.norm1(tokens + self.self_attn(tokens + position, value, reference, sizes))
        return self.norm2(tokens + self.ffn(tokens))

    def forward(
        self, tokens: Tensor, position: Tensor, reference: Tensor, sizes: Sequence[Size]
    ) -> Tensor:
        """Let the tokens of all levels attend to each other; see :meth:`update`."""
        return self.update(tokens, position, tokens, reference, sizes)
