"""The dense interaction: deformable attention between dense queries and a stage."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmirstd.models.layers.conv import to_map, to_tokens
from mmirstd.models.layers.deformable import pixel_centres
from mmirstd.models.layers.deformable_encoder import DeformableEncoderLayer
from mmirstd.models.layers.position import SinePosition


class DenseInteraction(DeformableEncoderLayer):
    """One-layer multi-scale deformable encoder over [dense queries, stage feature].

    Both maps attend to both maps, with pixel centres as reference points and post-norm. The paper
    (Sec. 3.3) states multi-scale deformable attention between the dense queries and the stages;
    depth, width and feed-forward size are those of the release.

    Args:
        embed_dims: Width m of both maps (8 in the release; not given in the paper).
        num_heads: Heads (8: one channel each).
        num_points: Sampling points per head and level.
        ffn_dims: Hidden width of the feed-forward network.
        chunk_tokens: Tokens per chunk of the feed-forward network, whose hidden map would
            otherwise be by far the largest tensor of the model.
    """

    def __init__(
        self,
        embed_dims: int = 8,
        *,
        num_heads: int = 8,
        num_points: int = 4,
        ffn_dims: int = 2048,
        chunk_tokens: int = 4096,
    ) -> None:
        if embed_dims % 4:
            raise ValueError(
                f'embed_dims={embed_dims} must be a multiple of 4 (sine and cosine for y and x)'
            )
        level_embed = torch.randn(2, embed_dims)
        super().__init__(
            embed_dims,
            num_heads=num_heads,
            num_levels=2,
            num_points=num_points,
            ffn_dims=ffn_dims,
            chunk_tokens=chunk_tokens,
        )
        self.position = SinePosition(embed_dims // 2)
        self.level_embed = nn.Parameter(level_embed)

    def forward(  # type: ignore[override]  # the layer's weights, but its own two maps
        self, dense: Tensor, stage: Tensor, *, update_dense: bool = True
    ) -> tuple[Tensor | None, Tensor]:
        """Exchange information once.

        Args:
            dense: Dense queries (N, m, H, W).
            stage: Stage feature (N, m, h, w).
            update_dense: False skips the update of the dense queries, by far the larger part of
                the work, if it is not used.

        Returns:
            The updated dense queries (N, m, H, W), or None without ``update_dense``, and the
            updated stage feature (N, m, h, w).
        """
        maps = (dense, stage)
        sizes = [tuple(m.shape[-2:]) for m in maps]
        value = torch.cat([to_tokens(m) for m in maps], dim=1)
        asked = range(2) if update_dense else (1,)
        tokens = torch.cat([to_tokens(maps[i]) for i in asked], dim=1)
        position = torch.cat(
            [self.position(*sizes[i], tokens).dense() + self.level_embed[i] for i in asked]
        )
        reference = torch.cat([pixel_centres(sizes[i][0], sizes[i][1], tokens) for i in asked])
        tokens = self.update(tokens, position, value, reference[None, :, None], sizes)
        parts = tokens.split([sizes[i][0] * sizes[i][1] for i in asked], dim=1)
        updated = [to_map(part, sizes[i]) for i, part in zip(asked, parts, strict=True)]
        return (updated[0], updated[1]) if update_dense else (None, updated[0])
