"""DNANet: Dense Nested Attention Network (Li et al., TIP 2023, arXiv:2106.00487).

Shapes: x{depth}_{column} is a node of the nested grid; depth 0 has full resolution.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.backbones.irstd_backbone import IRSTDBackbone
from mmirstd.models.layers.attention_gates import CBAM
from mmirstd.models.layers.residual import residual_stage
from mmirstd.models.layers.u_net import resize_aligned
from mmirstd.registry import MODELS
from mmirstd.wording import format_count


@MODELS.register_module()
class DNANet(IRSTDBackbone):
    """The grid of DNANet up to the fused full-resolution map.

    Every node beyond column 0 sees its left neighbours, the node below (upsampled) and the node
    above of the same column (downsampled): the dense nested interactive module (Sec. III-B).
    The depths of the last column are then fused at full resolution (Sec. III-D).

    Args:
        in_channels: Channels of the image.
        channels: Channels of the depths 0 to 4.
        blocks: Residual blocks per node at the depths 1 to 4; nodes of depth 0 have one.
            ResNet-18 flavour (2, 2, 2, 2), ResNet-10 (1, 1, 1, 1), ResNet-34 (3, 4, 6, 3).
        init_cfg: See `IRSTDBackbone`.

    Returns:
        Maps x0_1, x0_2, x0_3 and the fused map, each (N, channels[0], H, W).
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        channels: Sequence[int] = (16, 32, 64, 128, 256),
        blocks: Sequence[int] = (2, 2, 2, 2),
        init_cfg: dict | list | None = None,
    ) -> None:
        depths = len(channels)
        if len(blocks) != depths - 1:
            raise ValueError(
                'DNANet needs one entry of blocks for each depth below the first: got '
                f'{format_count(len(channels), "channel")} and '
                f'{format_count(len(blocks), "block")}.'
            )
        super().__init__(in_channels, size_multiple=2 ** (depths - 1), init_cfg=init_cfg)
        blocks = (1, *blocks)
        self.depths = depths
        self.nodes = nn.ModuleDict()
        for column in range(depths):
            for depth in range(depths - column):
                if column == 0:
                    inputs = in_channels if depth == 0 else channels[depth - 1]
                else:
                    inputs = column * channels[depth] + channels[depth + 1]
                    inputs += channels[depth - 1] if depth else 0
                self.nodes[f'{depth}_{column}'] = residual_stage(
                    blocks[depth], inputs, channels[depth], bias=True, attention=CBAM
                )
        self.lateral = nn.ModuleList(
            nn.Conv2d(channels[depth], channels[0], 1) for depth in range(1, depths)
        )
        self.fuse = residual_stage(1, depths * channels[0], channels[0], bias=True, attention=CBAM)
        self.out_channels = (channels[0],) * (depths - 1)

    def features(self, image: Tensor) -> tuple[Tensor, ...]:
        """Walk the grid along its anti-diagonals, as soon as a node's inputs exist."""
        grid: list[list[Tensor]] = [[] for _ in range(self.depths)]
        for start in range(self.depths):
            below = image if start == 0 else F.max_pool2d(grid[start - 1][0], 2)
            grid[start].append(self.nodes[f'{start}_0'](below))
            for column in range(1, start + 1):
                depth = start - column
                inputs = [*grid[depth], resize_aligned(grid[depth + 1][column - 1], 2)]
                if depth:
                    inputs.append(resize_aligned(grid[depth - 1][column], 0.5))
                grid[depth].append(self.nodes[f'{depth}_{column}'](torch.cat(inputs, dim=1)))
        deepest_first = [
            resize_aligned(self.lateral[depth - 1](grid[depth][-1]), 2**depth)
            for depth in range(self.depths - 1, 0, -1)
        ]
        fused = self.fuse(torch.cat([*deepest_first, grid[0][-1]], dim=1))
        return (*grid[0][1:-1], fused)
