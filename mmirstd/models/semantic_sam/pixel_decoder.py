"""Semantic-SAM's pixel decoder: a deformable encoder over four levels and one pyramid step.

Shapes: N batch, C_i channels and h_i x w_i size of the i-th map of the backbone (strides 4, 8,
16, 32), D width, S tokens of all levels.

References: Li et al., Semantic-SAM, 2023, which adopts it from Mask DINO (Li et al., 2022).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.layers.conv import to_map, to_tokens
from mmirstd.models.layers.deformable import pixel_centres
from mmirstd.models.layers.deformable_encoder import DeformableEncoderLayer
from mmirstd.models.layers.position import SinePosition
from mmirstd.models.layers.precision import without_autocast


class SemanticSAMPixelDecoder(nn.Module):
    """Convert the maps of a backbone to mask features and a memory of four levels.

    Everything runs in float32, even under autocast, as in the original.

    Args:
        in_channels: Channels of the maps at strides 4, 8, 16 and 32.
        embed_dims: Width D.
        num_layers: Layers of the deformable encoder.
        num_heads: Attention heads.
        num_points: Sampling points per head and level.
        ffn_dims: Hidden width of the feed-forward networks.
        norm_groups: Groups of the GroupNorms.

    Raises:
        ValueError: There are not four maps, or ``embed_dims`` does not divide as needed.
    """

    num_levels = 4

    def __init__(
        self,
        in_channels: Sequence[int] = (96, 192, 384, 768),
        *,
        embed_dims: int = 256,
        num_layers: int = 6,
        num_heads: int = 8,
        num_points: int = 4,
        ffn_dims: int = 2048,
        norm_groups: int = 32,
    ) -> None:
        super().__init__()
        in_channels = tuple(in_channels)
        if len(in_channels) != 4:
            raise ValueError(
                f'in_channels={in_channels} must list the channels of four maps, at strides 4, 8, '
                '16 and 32'
            )
        if embed_dims % 4 or embed_dims % norm_groups:
            raise ValueError(
                f'embed_dims={embed_dims} must be a multiple of 4 (sine and cosine for y and x) '
                f'and of norm_groups={norm_groups}'
            )
        self.in_channels, self.embed_dims = in_channels, embed_dims
        finest, *others = in_channels

        def add_norm(conv: nn.Conv2d) -> nn.Sequential:
            return nn.Sequential(conv, nn.GroupNorm(norm_groups, embed_dims))

        self.input_proj = nn.ModuleList(
            [add_norm(nn.Conv2d(channels, embed_dims, 1)) for channels in others]
            + [add_norm(nn.Conv2d(others[-1], embed_dims, 3, stride=2, padding=1))]
        )
        self.level_embed = nn.Parameter(torch.randn(self.num_levels, embed_dims))
        self.position = SinePosition(embed_dims // 2)
        self.layers = nn.ModuleList(
            DeformableEncoderLayer(
                embed_dims,
                num_heads=num_heads,
                num_levels=self.num_levels,
                num_points=num_points,
                ffn_dims=ffn_dims,
            )
            for _ in range(num_layers)
        )
        self.lateral = add_norm(nn.Conv2d(finest, embed_dims, 1, bias=False))
        self.output = add_norm(nn.Conv2d(embed_dims, embed_dims, 3, padding=1, bias=False))
        self.mask_features = nn.Conv2d(embed_dims, embed_dims, 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier-uniform for the projections, Kaiming-uniform for the pyramid, zero biases."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for conv, _ in self.input_proj:
            nn.init.xavier_uniform_(conv.weight)
        for layer in self.layers:
            for linear in (layer.ffn.lin1, layer.ffn.lin2):
                nn.init.xavier_uniform_(linear.weight)

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Decode the maps of the backbone.

        Args:
            features: Four maps (N, C_i, h_i, w_i) at strides 4, 8, 16 and 32.

        Returns:
            Mask features (N, D, h_0, w_0) and the memory: maps with D channels at strides 8, 16, 32
            and 64.

        Raises:
            ValueError: The maps do not have ``in_channels``.
        """
        channels = tuple(feature.shape[1] for feature in features)
        if channels != self.in_channels:
            raise ValueError(
                'the pixel decoder was built for maps whose channels are '
                f'{self.in_channels}, but received {channels}'
            )
        with without_autocast(features[0].device.type):
            finest, *others = (feature.float() for feature in features)
            memory = self._encode([*others, others[-1]])
            fine = self.lateral(finest)
            fine = fine + F.interpolate(memory[0], fine.shape[-2:], mode='bilinear')
            return self.mask_features(self.output(fine).relu()), memory

    def _encode(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Let the four levels, from fine to coarse, attend to each other."""
        maps = [project(each) for project, each in zip(self.input_proj, maps, strict=True)]
        sizes = [tuple(each.shape[-2:]) for each in maps]
        tokens = torch.cat([to_tokens(each) for each in maps], dim=1)
        position = torch.cat(
            [
                self.position(*size, tokens).dense() + embed
                for size, embed in zip(sizes, self.level_embed, strict=True)
            ]
        )
        reference = torch.cat([pixel_centres(height, width, tokens) for height, width in sizes])[
            None, :, None
        ]
        for layer in self.layers:
            tokens = layer(tokens, position, reference, sizes)
        levels = tokens.split([h * w for h, w in sizes], dim=1)
        return tuple(to_map(level, size) for level, size in zip(levels, sizes, strict=True))
