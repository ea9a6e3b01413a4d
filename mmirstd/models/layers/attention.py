"""Attention between a few queries and many tokens, without projecting the tokens.

The sparse queries of SimIRSTD (n = 4 to 9) exchange information with every pixel (T = 65,536 at
256 x 256). The usual form projects all T tokens with D x D matrices. Since there are few queries,
the projection of the tokens can be moved to the queries, which does not change the output:

* queries read tokens: ``q . (W_k x) = (W_k^T q) . x``, and ``sum_t a_t W_v x_t`` equals
  ``W_v sum_t a_t x_t``. The bias of the keys adds one number to all scores of a query, which
  the softmax removes.
* tokens read queries: ``(W_q x) . k = x . (W_q^T k)``, and ``W_o`` is applied to the values of
  the queries.
* vectors that all tokens share (a level embedding) and position encodings are added to scores
  and sums instead of tokens.

Per token this costs O(n heads D) instead of O(D^2). Shapes: N batch, Q queries, T tokens,
D embedding width, h heads, E = inner width / heads.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.layers import one_pass
from mmirstd.models.layers.position import AxisPosition
from mmirstd.models.layers.tuning import fastest

_TIMED_TOKENS = 8192


class Attention(nn.Module):
    """Multi-head attention with separate projections, in the usual (unfolded) form.

    Parameter names are SAM's (``q_proj``, ``k_proj``, ``v_proj``, ``out_proj``). With
    ``inner_dims == embed_dims`` it computes what :class:`torch.nn.MultiheadAttention` does,
    including the dropout on the attention weights.

    Args:
        embed_dims: Width D of queries, keys, values and output.
        num_heads: Number of heads h.
        inner_dims: Width of the projections; D / 2 in SAM's cross-attentions. None means D.
        dropout: Dropout probability of the attention weights while training.

    Raises:
        ValueError: ``inner_dims`` is not a multiple of ``num_heads``.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int = 8,
        *,
        inner_dims: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        inner_dims = inner_dims or embed_dims
        if inner_dims % num_heads:
            raise ValueError(
                f'the inner width {inner_dims} must be a multiple of num_heads={num_heads}'
            )
        self.num_heads = num_heads
        self.dropout = dropout
        self.scale = (inner_dims // num_heads) ** -0.5
        self.q_proj = nn.Linear(embed_dims, inner_dims)
        self.k_proj = nn.Linear(embed_dims, inner_dims)
        self.v_proj = nn.Linear(embed_dims, inner_dims)
        self.out_proj = nn.Linear(inner_dims, embed_dims)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-uniform projections, scaled as for one (3 D, D) matrix, and zero biases."""
        gain = 0.5**0.5 if self.q_proj.in_features == self.q_proj.out_features else 1.0
        for projection in (self.q_proj, self.k_proj, self.v_proj):
            nn.init.xavier_uniform_(projection.weight, gain)
            nn.init.zeros_(projection.bias)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend from ``query`` (N, Q, D) to ``key``, ``value`` (N, T, D); returns (N, Q, D)."""
        q = self._split(self.q_proj(query))
        k = self._split(self.k_proj(key))
        v = self._split(self.v_proj(value))
        out = self._drop((q * self.scale @ k.transpose(-1, -2)).softmax(-1)) @ v
        return self.out_proj(out.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        """(N, L, h * E) -> (N, h, L, E)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _drop(self, weights: Tensor) -> Tensor:
        return F.dropout(weights, self.dropout, self.training)

    @property
    def _dropping(self) -> bool:
        return self.training and self.dropout > 0

    def _heads(self, weight: Tensor) -> Tensor:
        """(h * E, D) -> (h, E, D)."""
        return weight.unflatten(0, (self.num_heads, -1))


class ReadAttention(Attention):
    """A few queries read many tokens. Set ``folded`` to False for the usual form."""

    folded = True

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_position: AxisPosition | None = None,
        common: Tensor | None = None,
    ) -> Tensor:
        """Attend from the queries to the tokens.

        Args:
            query: (N, Q, D), its position already added.
            key: Tokens (N, T, D).
            value: Tokens (N, T, D).
            key_position: Position encoding of the keys; None if it is already added.
            common: Vector (D,) to be added to every key and value, or None.

        Returns:
            (N, Q, D).
        """
        if not self.folded:
            key, value = _plus(key, common), _plus(value, common)
            return super().forward(query, _plus(key, key_position), value)
        q = self._split(self.q_proj(query)) * self.scale
        vectors = (q @ self._heads(self.k_proj.weight)).flatten(1, 2)  # (N, h * Q, D)
        # A vector that all keys share cannot change the softmax, so ``common`` is left out. The
        # bias is kept nevertheless: it takes no time, and it gets a gradient, which is zero.
        offset = (q @ self.k_proj.bias.unflatten(0, (self.num_heads, -1, 1))).flatten(1, 2)
        weights = self._drop(_scores(vectors, key, key_position, offset).softmax(-1))
        read = weights @ value
        # Without dropout the weights sum to one.
        total = weights.sum(-1, keepdim=True) if self._dropping else 1
        read = read if common is None else read + total * common
        read = read.unflatten(1, (self.num_heads, -1))  # (N, h, Q, D)
        out = read @ self._heads(self.v_proj.weight).transpose(-1, -2)  # (N, h, Q, E)
        bias = self.v_proj.bias.unflatten(0, (self.num_heads, 1, -1))
        if self._dropping:
            bias = bias * total.unflatten(1, (self.num_heads, -1))
        return self.out_proj((out + bias).transpose(1, 2).flatten(2))


class WriteAttention(Attention):
    """Many tokens read a few queries. Set ``folded`` to False for the usual form."""

    folded = True

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        query_position: AxisPosition | None = None,
        common: Tensor | None = None,
        residual: Tensor | None = None,
    ) -> Tensor:
        """Attend from the tokens to the queries.

        Args:
            query: Tokens (N, T, D).
            key: Sparse queries (N, Q, D), their position already added.
            value: Sparse queries (N, Q, D).
            query_position: Position encoding of the tokens; None if it is already added.
            common: Vector (D,) to be added to every token, or None.
            residual: Tokens (N, T, D) to which the result and ``common`` are added, or None.
                Adding them here saves passes over the map.

        Returns:
            (N, T, D).
        """
        if not self.folded:
            placed = _plus(_plus(query, common), query_position)
            out = super().forward(placed, key, value)
            return out if residual is None else _plus(residual, common) + out
        weights = self._weights(query, key, query_position, common)  # (N, T, Q * h)
        v = self._split(self.v_proj(value))  # (N, h, Q, E)
        vectors = v @ self._heads(self.out_proj.weight.t())  # (N, h, Q, D)
        shift = self.out_proj.bias
        if residual is not None and common is not None:
            shift = shift + common
        if self._dropping:
            out = self._drop(weights) @ vectors.transpose(1, 2).flatten(1, 2) + shift
            return out if residual is None else residual + out
        # The weights of each head sum to one, so a constant can be added to the vectors.
        vectors = (vectors + shift / self.num_heads).transpose(1, 2).flatten(1, 2)
        if residual is None:
            return weights @ vectors
        return torch.baddbmm(residual, weights, vectors)

    def _weights(
        self,
        query: Tensor,
        key: Tensor,
        query_position: AxisPosition | None,
        common: Tensor | None,
    ) -> Tensor:
        """Attention weights (N, T, Q * h) of the tokens over the queries, heads innermost."""
        k = self._split(self.k_proj(key)) * self.scale
        # A softmax over Q queries has Q - 1 degrees of freedom: score against the last one.
        k = k[:, :, :-1] - k[:, :, -1:]
        vectors = (k @ self._heads(self.q_proj.weight)).transpose(1, 2)  # (N, Q - 1, h, D)
        offset = k @ self.q_proj.bias.unflatten(0, (self.num_heads, -1, 1))
        offset = offset.transpose(1, 2)  # (N, Q - 1, h, 1)
        if common is not None:
            offset = offset + vectors @ common[:, None]
        vectors, offset = vectors.flatten(1, 2), offset.flatten(1, 2)
        scores = _scores(vectors, query, query_position, offset)
        scores = scores.unflatten(1, (k.shape[2], self.num_heads))  # (N, Q - 1, h, T)
        return F.pad(scores, (0, 0, 0, 0, 0, 1)).softmax(1).flatten(1, 2).transpose(1, 2)


def _scores(
    vectors: Tensor, tokens: Tensor, position: AxisPosition | None, offset: Tensor
) -> Tensor:
    """Dot products (N, K, T) of ``vectors`` (N, K, D) and tokens with positions, plus offsets."""
    if position is not None:
        offset = position.scores(vectors, offset)
    ways = {
        False: lambda some, plus: torch.baddbmm(plus, vectors, some.transpose(1, 2)),
        True: lambda some, plus: (
            one_pass.products(vectors, some, plus)
            if plus.shape[2] == some.shape[1]
            else one_pass.products(vectors, some).add_(plus)
        ),
    }
    if not one_pass.is_usable(tokens) or vectors.shape[1] == 0:
        return ways[False](tokens, offset)
    some, plus = tokens[:, :_TIMED_TOKENS], offset[:, :, :_TIMED_TOKENS]
    key = ('scores', *vectors.shape, some.shape[1], plus.shape[2] == 1, tokens.dtype)
    timed = {name: partial(way, some, plus) for name, way in ways.items()}
    return ways[fastest((*key, torch.get_num_threads()), timed)](tokens, offset)


def _plus(tokens: Tensor, other: Tensor | AxisPosition | None) -> Tensor:
    """``tokens + other`` for everything that can be added to tokens."""
    if other is None:
        return tokens
    return tokens + (other.dense() if isinstance(other, AxisPosition) else other).to(tokens.dtype)


def set_folded(model: nn.Module, folded: bool) -> None:
    """Switch every attention of ``model`` between the folded and the usual form."""
    for module in model.modules():
        if isinstance(module, (ReadAttention, WriteAttention)):
            module.folded = folded
