"""A stage-wise backbone with sparse and dense encoder queries (Sec. 3.3, Algorithm 1)."""

from __future__ import annotations

from typing import Literal

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmirstd.models.backbones.stagewise import stage_wise
from mmirstd.models.features import QueryFeatures
from mmirstd.models.layers.conv import ConvBNGELU, filter_map, to_map, to_tokens
from mmirstd.models.layers.dense_encoder import DenseInteraction
from mmirstd.models.layers.feed_forward import MLP
from mmirstd.models.layers.interaction import BidirectionAttention
from mmirstd.models.layers.position import SinePosition
from mmirstd.registry import MODELS


@MODELS.register_module()
class QueryEncoder(BaseModule):
    """Any stage-wise backbone whose stages exchange information with queries.

    Sparse queries meet the features at every stage (bi-direction attention), dense queries meet
    those of the later stages (deformable attention); both results are added to the stage
    feature. Where paper and authors' release differ the release is the default, because it made
    the published weights.

    Args:
        backbone: Config of the backbone, or a built one.
        embed_dims: Width d of the sparse queries (paper: not given; release: 256).
        num_queries: Sparse encoder queries n (Sec. 4.1: 4).
        num_heads: Heads of the sparse attention.
        ffn_dims: Hidden width of the feed-forward networks.
        dropout: Dropout of the sparse interaction (release: 0).
        dense_dims: Channels m of the dense queries (paper: not given; release: 8). None leaves
            out the dense queries and with them the early decoding.
        dense_heads: Heads of the deformable attention (release: 8, one channel each).
        dense_ffn_dims: Hidden width of its feed-forward network; None means ``ffn_dims``.
        dense_points: Sampling points per head and level (release: 4).
        share_interaction: One attention set for all stages as in the release, or one each. The
            paper does not say.
        share_level_embed: All stages add row 0 of the level embedding as in the release, or
            each its own.
        chain_dense: Each stage continues from the dense queries of the previous one (the
            paper's wording). The release loses the update of the last but one stage: the last
            stage starts again from what stage 2 made.
        interact_at: Exchange at the ``'entry'`` of a stage (release), right after the patch
            embedding or down-sampling, or at its ``'exit'`` (a reading of Sec. 3.3).
        early_decoding: Predict a mask from dense and sparse queries (Fig. 3, left).
        early_query: Which sparse query is decoded: -1 in the release, 0 in the paper.
        early_layers: Linear layers of its MLP: 3 in the release, 2 in the paper.
        in_channels: Channels of the image.

    Raises:
        ValueError: An argument has an unknown value.
        TypeError: The backbone cannot be entered between stages.
    """

    def __init__(
        self,
        backbone: dict | nn.Module,
        embed_dims: int = 256,
        *,
        num_queries: int = 4,
        num_heads: int = 8,
        ffn_dims: int = 2048,
        dropout: float = 0.0,
        dense_dims: int | None = 8,
        dense_heads: int = 8,
        dense_ffn_dims: int | None = None,
        dense_points: int = 4,
        share_interaction: bool = True,
        share_level_embed: bool = True,
        chain_dense: bool = False,
        interact_at: Literal['entry', 'exit'] = 'entry',
        early_decoding: bool = True,
        early_query: int = -1,
        early_layers: int = 3,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        if interact_at not in ('entry', 'exit'):
            raise ValueError(f"interact_at={interact_at!r} must be 'entry' or 'exit'")
        if early_decoding and dense_dims is None:
            raise ValueError('early_decoding needs dense queries: give dense_dims, e.g. 8')
        if not -num_queries <= early_query < num_queries:
            raise ValueError(f'early_query={early_query} is not one of {num_queries} queries')
        self.backbone = MODELS.build(backbone) if isinstance(backbone, dict) else backbone
        self._stages = _Hidden(stage_wise(self.backbone, in_channels))
        stages = self._stages.content
        met = stages.entry_channels if interact_at == 'entry' else stages.channels
        self.interact_at = interact_at

        self.query_feat = nn.Embedding(num_queries, embed_dims)
        self.query_embed = nn.Embedding(num_queries, embed_dims)
        self.share_level_embed = share_level_embed
        self.level_embed = nn.Embedding(1 if share_level_embed else len(met), embed_dims)
        self.position = SinePosition(embed_dims // 2)
        self.interactions = nn.ModuleList(
            BidirectionAttention(
                embed_dims, num_heads=num_heads, ffn_dims=ffn_dims, dropout=dropout
            )
            for _ in range(1 if share_interaction else len(met))
        )
        self.sparse_in = nn.ModuleList(ConvBNGELU(c, embed_dims) for c in met)
        self.sparse_out = nn.ModuleList(ConvBNGELU(embed_dims, c) for c in met)

        self.chain_dense = chain_dense
        if dense_dims is not None:
            self.dense_in = nn.ModuleList(ConvBNGELU(c, dense_dims) for c in met)
            self.dense_out = nn.ModuleList(ConvBNGELU(dense_dims, c) for c in met[1:])
            self.dense_interactions = nn.ModuleList(
                DenseInteraction(
                    dense_dims,
                    num_heads=dense_heads,
                    num_points=dense_points,
                    ffn_dims=dense_ffn_dims or ffn_dims,
                )
                for _ in met[1:]
            )
        self.has_dense = dense_dims is not None

        self.early_query = early_query
        self.early_decoder = (
            EarlyDecoder(embed_dims, dense_dims, num_layers=early_layers)
            if early_decoding
            else None
        )

    def forward(self, x: Tensor) -> QueryFeatures:
        """Encode images.

        Args:
            x: Normalised images (N, C, H, W).

        Returns:
            One map per stage (N, C_i, H / s_i, W / s_i), finest first, carrying the updated
            sparse queries (N, n, d) and, deferred, the early mask logits (N, 1, H / s, W / s).
        """
        state = _EncoderState(self.query_feat.weight.expand(x.shape[0], -1, -1))

        def meet(stage: int, feature: Tensor) -> Tensor:
            return self._meet(stage, feature, state)

        hook = 'at_entry' if self.interact_at == 'entry' else 'at_exit'
        maps = self._stages.content.forward_stages(x, **{hook: meet})
        early = {}
        if self.early_decoder is not None:
            query = state.queries[:, self.early_query]
            early['encoder'] = lambda: self.early_decoder(query, self._final_dense(state))
        return QueryFeatures(maps, state.queries, early)

    def _meet(self, stage: int, feature: Tensor, state: _EncoderState) -> Tensor:
        """Exchange between the queries in ``state``, which is updated, and one stage."""
        total = self._sparse(stage, feature, state)
        if self.has_dense and stage == 0:
            state.dense = self.dense_in[0](feature)
        elif self.has_dense:
            total = total + self.dense_out[stage - 1](self._dense(stage, feature, state))
        return feature + total

    def _sparse(self, stage: int, feature: Tensor, state: _EncoderState) -> Tensor:
        size = tuple(feature.shape[-2:])
        tokens = to_tokens(self.sparse_in[stage](feature))
        interact = self.interactions[stage % len(self.interactions)]
        state.queries, tokens = interact(
            state.queries,
            tokens,
            self.query_embed.weight,
            self.position(*size, tokens),
            self.level_embed.weight[0 if self.share_level_embed else stage],
        )
        return self.sparse_out[stage](to_map(tokens, size))

    def _dense(self, stage: int, feature: Tensor, state: _EncoderState) -> Tensor:
        """Dense interaction of a stage after the first; returns the updated stage map."""
        interact = self.dense_interactions[stage - 1]
        stage_map = self.dense_in[stage](feature)
        is_last = stage == len(self.dense_in) - 1
        start = state.dense
        # The released network goes on from stage 2's dense queries in all later stages, so
        # only the first update and the last one, the map of the early mask, are ever used.
        needed = not is_last and (self.chain_dense or stage == 1)
        dense, updated = interact(start, stage_map, update_dense=needed)
        if is_last:
            state.last = (start, stage_map)
        elif needed:
            state.dense = dense
        return updated

    def _final_dense(self, state: _EncoderState) -> Tensor:
        """The dense queries after the last stage, which nothing but the early mask needs."""
        if state.last is None:  # a backbone with a single stage
            return state.dense
        dense, _ = self.dense_interactions[-1](*state.last, update_dense=True)
        return dense


class _EncoderState:
    """The queries of one forward pass."""

    def __init__(self, queries: Tensor) -> None:
        self.queries = queries
        self.dense: Tensor | None = None
        self.last: tuple[Tensor, Tensor] | None = None


class _Hidden:
    """Keeps a view of a sub-module out of the module tree, so it is registered only once."""

    def __init__(self, content: object) -> None:
        self.content = content


class EarlyDecoder(nn.Module):
    """Mask = MLP(one sparse query) . conv(dense queries) (Sec. 3.3, decoding process).

    Args:
        embed_dims: Width of the query.
        dense_dims: Channels of the dense queries.
        mask_dims: Width of the dot product (release: 32).
        num_layers: Linear layers of the MLP.
    """

    def __init__(
        self, embed_dims: int, dense_dims: int, *, mask_dims: int = 32, num_layers: int = 3
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embed_dims)
        self.mask_embed = MLP(embed_dims, embed_dims, mask_dims, num_layers)
        self.mask_features = nn.Conv2d(dense_dims, mask_dims, 3, padding=1)

    def forward(self, query: Tensor, dense: Tensor) -> Tensor:
        """Decode ``query`` (N, D) on ``dense`` (N, m, H, W) to logits (N, 1, H, W)."""
        filters = self.mask_embed(self.norm(query))
        return filter_map(filters, self.mask_features(dense))
