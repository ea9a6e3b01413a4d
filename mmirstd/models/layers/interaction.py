"""The bidirectional attention of SimIRSTD (Sec. 3.3, Fig. 1 top right)."""

from __future__ import annotations

from torch import Tensor, nn

from mmirstd.models.layers.attention import Attention, ReadAttention, WriteAttention
from mmirstd.models.layers.feed_forward import FeedForward
from mmirstd.models.layers.position import AxisPosition


class BidirectionAttention(nn.Module):
    """Sparse queries read from a feature map, are updated, and write back to it.

    The four steps of Sec. 3.3: (1) cross-attention from queries to features, (2) a point-wise
    MLP on the queries, (3) self-attention on the queries, (4) cross-attention from features to
    queries. Each is followed by its residual and LayerNorm (post-norm, as released); positions
    are added to queries and keys, never to values.

    Args:
        embed_dims: Width D of queries and tokens.
        num_heads: Attention heads (8 in the release).
        ffn_dims: Hidden width of the MLP (2048 in the release).
        dropout: Dropout of attention weights, residual branches and the MLP while training
            (release: 0 in the encoder, 0.5 in the FPN; the paper is silent).
    """

    def __init__(
        self,
        embed_dims: int = 256,
        *,
        num_heads: int = 8,
        ffn_dims: int = 2048,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.read = ReadAttention(embed_dims, num_heads, dropout=dropout)
        self.read_norm = nn.LayerNorm(embed_dims)
        self.ffn = FeedForward(embed_dims, ffn_dims, dropout=dropout)
        self.ffn_norm = nn.LayerNorm(embed_dims)
        self.self_attn = Attention(embed_dims, num_heads, dropout=dropout)
        self.self_norm = nn.LayerNorm(embed_dims)
        self.write = WriteAttention(embed_dims, num_heads, dropout=dropout)
        self.write_norm = nn.LayerNorm(embed_dims)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        queries: Tensor,
        tokens: Tensor,
        query_position: Tensor,
        token_position: AxisPosition,
        level: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Exchange information once.

        Args:
            queries: Sparse queries (N, Q, D).
            tokens: Feature map as tokens (N, T, D).
            query_position: Learned position of the queries (Q, D).
            token_position: Position encoding of the T tokens.
            level: Level embedding (D,) of the tokens, which is not added to them yet.

        Returns:
            The updated queries (N, Q, D) and tokens (N, T, D).
        """
        drop = self.dropout
        read = self.read(queries + query_position, tokens, tokens, token_position, level)
        queries = self.read_norm(queries + drop(read))
        queries = self.ffn_norm(queries + drop(self.ffn(queries)))
        placed = queries + query_position
        queries = self.self_norm(queries + drop(self.self_attn(placed, placed, queries)))
        keys = queries + query_position
        if self.training and drop.p > 0:
            written = self.write(tokens, keys, queries, token_position, level)
            tokens = tokens + level + drop(written)
        else:
            tokens = self.write(tokens, keys, queries, token_position, level, residual=tokens)
        return queries, self.write_norm(tokens)
