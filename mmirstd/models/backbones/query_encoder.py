"""A stage-wise backbone with sparse and dense encoder queries (Sec. 3.3, Algorithm 1)."""

from __future__ import annotations

from typing import Literal

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmirstd.models.backbones.stagewise import stages_of
from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.conv import ConvBNGELU, filter_map, to_map, to_tokens
from mmirstd.models.layers.dense_encoder import DenseInteraction
from mmirstd.models.layers.feed_forward import MLP
from mmirstd.models.layers.interaction import BidirectionAttention
from mmirstd.models.layers.position import SinePosition
from mmirstd.registry import MODELS
from mmirstd.wording import format_count


@MODELS.register_module()
class QueryEncoder(BaseModule):
    """Any stage-wise backbone, with queries that interact with its stages.

    Sparse queries interact with the features of every stage (bidirectional attention), dense
    queries with those of the later stages (deformable attention). Both results are added to the
    stage feature. Where the paper and the authors' release differ, the release is the default,
    because it produced the published weights.

    Args:
        backbone: Config of the backbone, or a built one.
        embed_dims: Width d of the sparse queries (paper: not given; release: 256).
        num_queries: Sparse encoder queries n (Sec. 4.1: 4).
        num_heads: Heads of the sparse attention.
        ffn_dims: Hidden width of the feed-forward networks.
        dropout: Dropout of the sparse interaction (release: 0).
        dense_dims: Channels m of the dense queries (paper: not given; release: 8). None leaves
            out the dense queries; ``early_decoding`` must be False then.
        dense_heads: Heads of the deformable attention (release: 8, one channel each).
        dense_ffn_dims: Hidden width of its feed-forward network; None means ``ffn_dims``.
        dense_points: Sampling points per head and level (release: 4).
        share_interaction: Use the same attention for all stages, as in the release, instead of one
            for each. The paper is silent.
        share_level_embed: Add row 0 of the level embedding at all stages, as in the release,
            instead of one row for each.
        chain_dense: Each stage continues from the dense queries of the previous one (the
            paper's wording). The release discards the update of the last but one stage: the last
            stage starts again from the output of stage 2.
        interact_at: Interact at the ``'entry'`` of a stage (release), directly after the patch
            embedding or downsampling, or at its ``'exit'`` (our reading of Sec. 3.3).
        early_decoding: Predict a mask from dense and sparse queries (Fig. 3, left).
        early_query: Which sparse query is decoded: -1 in the release, 0 in the paper.
        early_layers: Linear layers of its MLP: 3 in the release, 2 in the paper.
        predict_early_mask: Also decode the early mask in evaluation mode. By default it is
            left out there, because it costs a pass over the finest map and is needed only as
            the prompt of a head if no later part decodes a mask. Training always decodes it.
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
        predict_early_mask: bool = False,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        if interact_at not in ('entry', 'exit'):
            raise ValueError(f"interact_at={interact_at!r} must be 'entry' or 'exit'")
        if early_decoding and dense_dims is None:
            raise ValueError('early_decoding needs dense queries: give dense_dims, e.g. 8')
        if predict_early_mask and not early_decoding:
            raise ValueError('predict_early_mask needs early_decoding=True')
        if not -num_queries <= early_query < num_queries:
            raise ValueError(
                f'early_query={early_query} is not one of '
                f'{format_count(num_queries, "query", "queries")}'
            )
        self.backbone = MODELS.build(backbone) if isinstance(backbone, dict) else backbone
        self.stages = stages_of(self.backbone, in_channels)
        exchange_channels = (
            self.stages.entry_channels if interact_at == 'entry' else self.stages.channels
        )
        self.interact_at = interact_at

        self.query_feat = nn.Embedding(num_queries, embed_dims)
        self.query_embed = nn.Embedding(num_queries, embed_dims)
        self.share_level_embed = share_level_embed
        self.level_embed = nn.Embedding(
            1 if share_level_embed else len(exchange_channels), embed_dims
        )
        self.position = SinePosition(embed_dims // 2)
        self.interactions = nn.ModuleList(
            BidirectionAttention(
                embed_dims, num_heads=num_heads, ffn_dims=ffn_dims, dropout=dropout
            )
            for _ in range(1 if share_interaction else len(exchange_channels))
        )
        self.sparse_in = nn.ModuleList(ConvBNGELU(c, embed_dims) for c in exchange_channels)
        self.sparse_out = nn.ModuleList(ConvBNGELU(embed_dims, c) for c in exchange_channels)

        self.chain_dense = chain_dense
        if dense_dims is not None:
            self.dense_in = nn.ModuleList(ConvBNGELU(c, dense_dims) for c in exchange_channels)
            self.dense_out = nn.ModuleList(ConvBNGELU(dense_dims, c) for c in exchange_channels[1:])
            self.dense_interactions = nn.ModuleList(
                DenseInteraction(
                    dense_dims,
                    num_heads=dense_heads,
                    num_points=dense_points,
                    ffn_dims=dense_ffn_dims or ffn_dims,
                )
                for _ in exchange_channels[1:]
            )
        self.has_dense = dense_dims is not None

        self.early_query = early_query
        self.predict_early_mask = predict_early_mask
        self.early_decoder = (
            EarlyDecoder(embed_dims, dense_dims, num_layers=early_layers)
            if early_decoding
            else None
        )

    def forward(self, x: Tensor) -> FeatureMaps:
        """Encode images.

        Args:
            x: Normalised images (N, C, H, W).

        Returns:
            One map per stage (N, C_i, H / s_i, W / s_i), finest first, carrying the updated
            sparse queries (N, n, d) and, in training or with ``predict_early_mask``, the early
            mask logits ``'encoder'`` (N, 1, H / s, W / s).
        """
        decodes = self.early_decoder is not None and (self.training or self.predict_early_mask)
        queries = self.query_feat.weight.expand(x.shape[0], -1, -1)
        dense = None
        maps = []
        for stage in range(len(self.stages.channels)):
            x = self.stages.enter(self.backbone, stage, x)
            if self.interact_at == 'entry':
                x, queries, dense = self._interact(stage, x, queries, dense, decodes)
            x = self.stages.blocks(self.backbone, stage, x)
            if self.interact_at == 'exit':
                x, queries, dense = self._interact(stage, x, queries, dense, decodes)
            maps.append(self.stages.output(self.backbone, stage, x))
        early_masks = {}
        if decodes:
            early_masks['encoder'] = self.early_decoder(queries[:, self.early_query], dense)
        return FeatureMaps(maps, queries, early_masks)

    def _interact(
        self, stage: int, feature: Tensor, queries: Tensor, dense: Tensor | None, decodes: bool
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Let one stage, the sparse and the dense queries interact; return all three, updated."""
        total, queries = self._sparse(stage, feature, queries)
        if self.has_dense and stage == 0:
            dense = self.dense_in[0](feature)
        elif self.has_dense:
            update, dense = self._dense(stage, feature, dense, decodes)
            total = total + self.dense_out[stage - 1](update)
        return feature + total, queries, dense

    def _sparse(self, stage: int, feature: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Sparse interaction: the update of the stage feature, and the updated queries."""
        size = tuple(feature.shape[-2:])
        tokens = to_tokens(self.sparse_in[stage](feature))
        interact = self.interactions[stage % len(self.interactions)]
        queries, tokens = interact(
            queries,
            tokens,
            self.query_embed.weight,
            self.position(*size, tokens),
            self.level_embed.weight[0 if self.share_level_embed else stage],
        )
        return self.sparse_out[stage](to_map(tokens, size)), queries

    def _dense(
        self, stage: int, feature: Tensor, dense: Tensor, decodes: bool
    ) -> tuple[Tensor, Tensor]:
        """Dense interaction of a stage after the first: the updated stage map and queries."""
        is_last = stage == len(self.dense_in) - 1
        # The released model continues from stage 2's dense queries in all later stages, so only
        # the first update and the last one, which gives the early mask, are ever used.
        needed = decodes if is_last else self.chain_dense or stage == 1
        updated, stage_map = self.dense_interactions[stage - 1](
            dense, self.dense_in[stage](feature), update_dense=needed
        )
        return stage_map, updated if needed else dense


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
