"""Spatial-channel cross transformer of SCTransNet: levels attend to each other's channels.

Shapes: N batch, L levels, C_l channels of level l, S = sum of C_l, h/w token grid.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from timm.layers import LayerNorm2d
from torch import Tensor, nn


class ChannelCrossAttention(nn.Module):
    """Spatial-embedded single-head channel-cross attention, SSCA (Sec. III-B).

    Queries are the channels of one level; keys and values are the channels of all levels. The
    vectors that are compared consist of all pixels of a channel.

    Args:
        channels: C_l of every level.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        total = sum(channels)
        self.queries = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 1, bias=False),
                nn.Conv2d(width, width, 3, padding=1, groups=width // 2, bias=False),
            )
            for width in channels
        )
        self.key = self._depthwise(total)
        self.value = self._depthwise(total)
        self.out = nn.ModuleList(nn.Conv2d(width, width, 1, bias=False) for width in channels)
        self.scale = 1 / math.sqrt(total)

    @staticmethod
    def _depthwise(width: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(width, width, 1, bias=False),
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        )

    def forward(self, levels: Sequence[Tensor], everything: Tensor) -> list[Tensor]:
        """Attended levels (N, C_l, h, w) from levels and their concatenation (N, S, h, w)."""
        key = F.normalize(self.key(everything).flatten(2), dim=-1)
        value = self.value(everything).flatten(2)
        attended = []
        for level, to_query, to_out in zip(levels, self.queries, self.out, strict=True):
            query = F.normalize(to_query(level).flatten(2), dim=-1)
            similarity = self.scale * query @ key.transpose(1, 2)
            # Instance normalisation over the whole (C_l, S) map, as of an image of one channel.
            attention = F.instance_norm(similarity[:, None]).squeeze(1).softmax(dim=-1)
            attended.append(to_out((attention @ value).unflatten(2, level.shape[-2:])))
        return attended


class ComplementaryFeedForward(nn.Module):
    """Complementary feed-forward network, CFN (Sec. III-C).

    Args:
        channels: C of the level.
        expansion: Hidden channels of each of the two convolutions over C.
    """

    def __init__(self, channels: int, expansion: float = 2.66) -> None:
        super().__init__()
        hidden = int(expansion * channels)
        self.expand = nn.Conv2d(channels, 2 * hidden, 1, bias=False)
        self.local = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False)
        self.wide = nn.Conv2d(hidden, hidden, 5, padding=2, groups=hidden, bias=False)
        self.reduce = nn.Conv2d(2 * hidden, channels, 1, bias=False)
        # Efficient channel attention: a convolution over the averages of the channels.
        self.channel_gate = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C, h, w)."""
        local, wide = self.expand(x).chunk(2, dim=1)
        x = torch.cat([F.relu(self.local(local)), F.relu(self.wide(wide))], dim=1)
        x = self.reduce(x)
        average = x.mean(dim=(2, 3))[:, None]
        return x * torch.sigmoid(self.channel_gate(average))[:, 0, :, None, None]


class CrossLevelBlock(nn.Module):
    """Attention over all levels, then a feed-forward network per level, with pre-norm and residual.

    Args:
        channels: C_l of every level.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(LayerNorm2d(width, eps=1e-5) for width in channels)
        self.joint_norm = LayerNorm2d(sum(channels), eps=1e-5)
        self.attention = ChannelCrossAttention(channels)
        self.feed_forward_norms = nn.ModuleList(LayerNorm2d(width, eps=1e-5) for width in channels)
        self.feed_forwards = nn.ModuleList(ComplementaryFeedForward(width) for width in channels)

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Levels (N, C_l, h, w) -> levels of the same shapes."""
        everything = self.joint_norm(torch.cat(list(levels), dim=1))
        normed = [norm(level) for norm, level in zip(self.norms, levels, strict=True)]
        attended = [
            level + change
            for level, change in zip(levels, self.attention(normed, everything), strict=True)
        ]
        return [
            level + feed_forward(norm(level))
            for level, norm, feed_forward in zip(
                attended, self.feed_forward_norms, self.feed_forwards, strict=True
            )
        ]


class CrossLevelTransformer(nn.Module):
    """Patch embedding, blocks over all levels, reconstruction at each level's own resolution.

    Args:
        channels: C_l of every level, shallow to deep.
        patch_sizes: Side of the patches of every level, so that all give the same token grid.
        blocks: Number of `CrossLevelBlock`.
    """

    def __init__(self, channels: Sequence[int], patch_sizes: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.patch_sizes = tuple(patch_sizes)
        self.embeddings = nn.ModuleList(
            nn.Conv2d(width, width, size, stride=size)
            for width, size in zip(channels, patch_sizes, strict=True)
        )
        self.blocks = nn.ModuleList(CrossLevelBlock(channels) for _ in range(blocks))
        self.norms = nn.ModuleList(LayerNorm2d(width, eps=1e-5) for width in channels)
        self.reconstructions = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.ReLU())
            for width in channels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The update of each of ``maps``, with the same shape."""
        levels = [embed(each) for embed, each in zip(self.embeddings, maps, strict=True)]
        for block in self.blocks:
            levels = block(levels)
        return [
            reconstruct(
                F.interpolate(norm(level), scale_factor=size, mode='bilinear', align_corners=False)
            )
            for level, norm, size, reconstruct in zip(
                levels, self.norms, self.patch_sizes, self.reconstructions, strict=True
            )
        ]
