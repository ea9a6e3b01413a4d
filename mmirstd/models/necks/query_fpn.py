"""Feature pyramid with sparse queries (Sec. 3.3 and "tiny FPN" of Sec. 4.1)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.conv import Conv2d, ConvBNGELU, filter_map, to_map, to_tokens
from mmirstd.models.layers.feature_maps import add_upsampled
from mmirstd.models.layers.feed_forward import MLP
from mmirstd.models.layers.interaction import BidirectionAttention
from mmirstd.models.layers.position import SinePosition
from mmirstd.registry import MODELS
from mmirstd.wording import format_count


@MODELS.register_module()
class QueryFPN(BaseModule):
    """Top-down pyramid with sparse queries that interact with its levels.

    For each level, smallest first: a 1x1 lateral; interaction with the queries, whose result
    replaces the lateral; addition of the coarser level, upsampled by nearest neighbour; a 3x3
    convolution. With ``num_queries=0`` it is the plain FPN of the paper's baseline.

    Args:
        in_channels: Channels of the input maps, finest first.
        out_channels: Width of the pyramid and of the queries (Sec. 4.1: 256).
        num_queries: FPN queries (Sec. 4.1: 4). 0 leaves out the query design.
        num_encoder_queries: Number of queries received from the encoder (Sec. 4.1: 4). They are
            appended to the FPN queries. 0 ignores them.
        num_heads: Heads of the attention.
        ffn_dims: Hidden width of the queries' feed-forward networks.
        dropout: Dropout in the interaction (release: 0.5; the paper is silent).
        share_interaction: Use the same attention for all levels instead of one for each, as in the
            release.
        norm_groups: Groups of the GroupNorms. The lateral of the smallest level has a bias
            instead, as in Detectron2's pixel decoders.
        early_decoding: Predict a mask from an FPN query and the mask features.
        early_query: Which query is decoded (0 in paper and release).
        early_layers: Linear layers of its MLP: 3 in the release, 2 in the paper.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 256,
        *,
        num_queries: int = 4,
        num_encoder_queries: int = 0,
        num_heads: int = 8,
        ffn_dims: int = 2048,
        dropout: float = 0.5,
        share_interaction: bool = False,
        norm_groups: int = 32,
        early_decoding: bool = False,
        early_query: int = 0,
        early_layers: int = 3,
    ) -> None:
        super().__init__()
        if early_decoding and not num_queries:
            raise ValueError('early_decoding decodes an FPN query: num_queries must not be 0')
        self.in_channels = list(in_channels)
        self.num_encoder_queries = num_encoder_queries if num_queries else 0
        levels = len(self.in_channels)

        def add_norm(kernel_size: int) -> nn.Sequential:
            return nn.Sequential(
                Conv2d(
                    out_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False
                ),
                nn.GroupNorm(norm_groups, out_channels),
            )

        self.projections = nn.ModuleList(ConvBNGELU(c, out_channels) for c in self.in_channels)
        self.laterals = nn.ModuleList(
            nn.Conv2d(out_channels, out_channels, 1) if level == levels - 1 else add_norm(1)
            for level in range(levels)
        )
        self.layers = nn.ModuleList(nn.Sequential(*add_norm(3), nn.ReLU()) for _ in range(levels))
        self.mask_features = Conv2d(out_channels, out_channels, 3, padding=1)

        self.num_queries = num_queries
        if num_queries:
            self.query_feat = nn.Embedding(num_queries, out_channels)
            self.query_embed = nn.Embedding(num_queries + self.num_encoder_queries, out_channels)
            self.level_embed = nn.Embedding(levels, out_channels)
            self.position = SinePosition(out_channels // 2)
            self.interactions = nn.ModuleList(
                BidirectionAttention(
                    out_channels, num_heads=num_heads, ffn_dims=ffn_dims, dropout=dropout
                )
                for _ in range(1 if share_interaction else levels)
            )
        self.early_query = early_query
        if early_decoding:
            self.early_norm = nn.LayerNorm(out_channels)
            self.early_mask_embed = MLP(out_channels, out_channels, out_channels, early_layers)
        self.early_decoding = early_decoding

    def forward(self, inputs: Sequence[Tensor]) -> FeatureMaps:
        """Fuse the levels.

        Args:
            inputs: One map (N, C_i, h_i, w_i) per level, finest first. They may carry encoder
                queries (N, n, D) and early masks.

        Returns:
            ``(mask features, P3, P4, ...)``, all with ``out_channels`` and finest first. It
            carries the queries (N, num_queries + num_encoder_queries, D), those of the FPN first,
            and the early masks decoded so far.

        Raises:
            ValueError: The number of maps or of encoder queries is not the configured one.
        """
        features = FeatureMaps.wrap(inputs)
        if len(features) != len(self.projections):
            raise ValueError(
                f'QueryFPN was built for {format_count(len(self.projections), "level")} '
                f'{self.in_channels}, but received {format_count(len(features), "map")}'
            )
        queries = self._gather_queries(features)
        outputs: list[Tensor] = []
        for level in reversed(range(len(features))):
            x = self.laterals[level](self.projections[level](features[level]))
            if queries is not None:
                queries, x = self._interact(level, queries, x)
            if outputs:
                x = add_upsampled(x, outputs[0])
            outputs.insert(0, self.layers[level](x))
        mask_features = self.mask_features(outputs[0])
        early_masks = dict(features.early_masks)
        if self.early_decoding:
            early_masks['fpn'] = self._decode_early(queries, mask_features)
        return FeatureMaps([mask_features, *outputs[1:]], queries, early_masks)

    def _gather_queries(self, features: FeatureMaps) -> Tensor | None:
        """FPN queries followed by those of the encoder (N, Q, D)."""
        if not self.num_queries:
            return None
        queries = self.query_feat.weight.expand(features[0].shape[0], -1, -1)
        if not self.num_encoder_queries:
            return queries
        incoming = 0 if features.queries is None else features.queries.shape[1]
        if incoming != self.num_encoder_queries:
            raise ValueError(
                'QueryFPN expects '
                f'{format_count(self.num_encoder_queries, "encoder query", "encoder queries")} and '
                f'received {incoming}; set num_encoder_queries to what the encoder has (0 for none)'
            )
        return torch.cat([queries, features.queries], dim=1)

    def _interact(self, level: int, queries: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        size = tuple(x.shape[-2:])
        # Row 0 belongs to the smallest level, which is visited first.
        row = len(self.layers) - 1 - level
        tokens = to_tokens(x)
        interact = self.interactions[row % len(self.interactions)]
        queries, tokens = interact(
            queries,
            tokens,
            self.query_embed.weight,
            self.position(*size, tokens),
            self.level_embed.weight[row],
        )
        return queries, to_map(tokens, size)

    def _decode_early(self, queries: Tensor, mask_features: Tensor) -> Tensor:
        """Mask logits (N, 1, h, w) of one FPN query on the mask features."""
        filters = self.early_mask_embed(self.early_norm(queries[:, self.early_query]))
        return filter_map(filters, mask_features)
