"""Two-layer feed-forward networks, and small MLPs that convert queries to mask filters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmirstd.models.layers import one_pass
from mmirstd.models.layers.precision import autocast_is_on
from mmirstd.models.layers.tuning import fastest

_CHUNKS = (128, 512, 2048, 8192)
"""Candidate numbers of tokens per chunk on a CPU. The hidden values of a chunk should fit into the
cache. Larger chunks take several times as long, since all values then go to memory and back."""


class FeedForward(nn.Module):
    """``lin2(dropout(activation(lin1(x))))``, optionally in chunks of tokens.

    Args:
        embed_dims: Width D of input and output.
        hidden_dims: Width of the hidden layer (2048 in SAM, in the release's queries and in its
            deformable encoder).
        dropout: Dropout probability of the hidden layer while training.
        chunk_tokens: Process at most this many tokens at once, so that the hidden map of a
            feature map never exists as a whole. In training, the chunks are recomputed in
            the backward pass. Outputs and gradients do not change. None processes all at once.
        activation: Between the layers. ReLU, except in EfficientSAM, which has GELU.
    """

    def __init__(
        self,
        embed_dims: int,
        hidden_dims: int = 2048,
        *,
        dropout: float = 0.0,
        chunk_tokens: int | None = None,
        activation: Callable[[Tensor], Tensor] = torch.relu_,
    ) -> None:
        super().__init__()
        self.lin1 = nn.Linear(embed_dims, hidden_dims)
        self.lin2 = nn.Linear(hidden_dims, embed_dims)
        self.dropout = nn.Dropout(dropout)
        self.chunk_tokens = chunk_tokens
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` (N, T, D) to (N, T, D)."""
        # A compiler plans memory itself and must not unroll a loop over tokens.
        if self.chunk_tokens is None or torch.compiler.is_compiling():
            return self._two_layers(x)
        rows = x.flatten(0, -2)
        if torch.is_grad_enabled() and (x.requires_grad or self.lin1.weight.requires_grad):
            if len(rows) <= self.chunk_tokens:
                return self._two_layers(x)
            parts = [
                checkpoint(self._two_layers, part, use_reentrant=False)
                for part in rows.split(self.chunk_tokens)
            ]
            return torch.cat(parts).view(x.shape)
        return self._predict(rows, self.chunk_tokens).view(x.shape)

    def _predict(self, rows: Tensor, chunk: int) -> Tensor:
        """Map (R, D) to (R, D) without a gradient, in chunks whose hidden map fits a cache."""
        direct = (
            rows.device.type == 'cpu'
            and not self.training
            and not autocast_is_on('cpu')
            and _is_plain(self.lin1)
            and _is_plain(self.lin2)
        )
        if not direct:
            return torch.cat([self._two_layers(part) for part in rows.split(chunk)])
        sizes = sorted({min(size, chunk, len(rows)) for size in _CHUNKS})
        known = one_pass.known_activation(self.activation)
        kinds = [False, True] if known and one_pass.is_usable(rows) else [False]
        if len(sizes) * len(kinds) > 1:
            key = ('chunk', *self.lin1.weight.shape, rows.dtype, *sizes, torch.get_num_threads())
            some = rows[: sizes[-1]]
            ways = {
                (size, kind): partial(self._in_chunks, some, size, in_one_pass=kind)
                for size in sizes
                for kind in kinds
            }
            size, kind = fastest(key, ways)
            return self._in_chunks(rows, size, in_one_pass=kind)
        return self._in_chunks(rows, max(1, *sizes))

    def _in_chunks(self, rows: Tensor, chunk: int, *, in_one_pass: bool = False) -> Tensor:
        out = torch.empty_like(rows)
        if in_one_pass:
            activation = one_pass.known_activation(self.activation)
            for part, result in zip(rows.split(chunk), out.split(chunk), strict=True):
                hidden = one_pass.linear(part, self.lin1.weight, self.lin1.bias, activation)
                result.copy_(one_pass.linear(hidden, self.lin2.weight, self.lin2.bias, 'none'))
            return out
        hidden = rows.new_empty(chunk, self.lin1.out_features)
        for part, result in zip(rows.split(chunk), out.split(chunk), strict=True):
            buffer = hidden[: len(part)]
            torch.addmm(self.lin1.bias, part, self.lin1.weight.t(), out=buffer)
            activated = self.activation(buffer)
            torch.addmm(self.lin2.bias, activated, self.lin2.weight.t(), out=result)
        return out

    def _two_layers(self, x: Tensor) -> Tensor:
        return self.lin2(self.dropout(self.activation(self.lin1(x))))


def _is_plain(layer: nn.Module) -> bool:
    """Whether a layer is a plain ``nn.Linear`` without adapters and hooks."""
    return type(layer) is nn.Linear and not (layer._forward_hooks or layer._forward_pre_hooks)


class MLP(nn.Module):
    """Linear layers with an activation between them, to convert a query to a mask filter.

    Args:
        in_dims: Width of the input.
        hidden_dims: Width of the hidden layers.
        out_dims: Width of the output.
        num_layers: Number of linear layers. The release uses 3 everywhere; the paper states 2
            for the early decodings.
        activation: Between the layers. ReLU, except in EfficientSAM, which has GELU.
    """

    def __init__(
        self,
        in_dims: int,
        hidden_dims: int,
        out_dims: int,
        num_layers: int = 3,
        *,
        activation: Callable[[Tensor], Tensor] = torch.relu,
    ) -> None:
        super().__init__()
        dims = [in_dims, *[hidden_dims] * (num_layers - 1), out_dims]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(dims))
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., in_dims) to (..., out_dims)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)
