"""Multi-scale deformable attention, through mmcv's compiled operators if they are installed.

Shapes: N batch, Q queries, S tokens of all levels, D width, h heads, L levels, P points.
Reference: Zhu et al., Deformable DETR, Eq. 3.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmirstd.models.layers.precision import without_autocast
from mmirstd.wording import format_count

Size = tuple[int, int]


@functools.cache
def compiled_operator() -> type[torch.autograd.Function] | None:
    """Mmcv's compiled CUDA operator, or None if mmcv was installed without operators."""
    try:
        from mmcv.ops.multi_scale_deform_attn import (
            MultiScaleDeformableAttnFunction,
            ext_module,
        )

        ext_module.ms_deform_attn_forward  # noqa: B018  (a stub raises or lacks the name)
    except (ImportError, AttributeError, RuntimeError):
        return None
    return MultiScaleDeformableAttnFunction


def sample_in_torch(
    value: Tensor, sizes: Sequence[Size], locations: Tensor, weights: Tensor
) -> Tensor:
    """Weighted sum of bilinear samples with PyTorch alone, on any device.

    Args:
        value: Values of all levels (N, S, h, D / h), level after level, each row by row.
        sizes: (height, width) of each level; their areas sum to S.
        locations: Sampling points (x, y) (N, Q, h, L, P, 2); [0, 1] spans the image. Values outside
            of the image are zero.
        weights: Attention weights (N, Q, h, L, P).

    Returns:
        (N, Q, D).
    """
    n, _, heads, width = value.shape
    queries = locations.shape[1]
    # Points before queries: grid_sample and the sum then run along many queries, not few points.
    grids = torch.add(locations.new_full((), -1), locations, alpha=2)  # one pass, not two
    grids = grids.permute(0, 2, 3, 4, 1, 5).flatten(0, 1)  # (N * h, L, P, Q, 2)
    attention = weights.permute(0, 2, 3, 4, 1).flatten(0, 1)[:, None]  # (N * h, 1, L, P, Q)
    out = value.new_zeros(n * heads, width, queries)
    levels = value.split([h * w for h, w in sizes], dim=1)
    for level, ((h, w), tokens) in enumerate(zip(sizes, levels, strict=True)):
        maps = tokens.permute(0, 2, 3, 1).reshape(n * heads, width, h, w)
        samples = F.grid_sample(maps, grids[:, level], align_corners=False)
        out = out + (samples * attention[:, :, level]).sum(2)
    return out.view(n, heads * width, queries).transpose(1, 2)


def sample(value: Tensor, sizes: Sequence[Size], locations: Tensor, weights: Tensor) -> Tensor:
    """:func:`sample_in_torch`, through mmcv's compiled kernel if that is possible."""
    operator = compiled_operator() if value.is_cuda else None
    if operator is None or torch.compiler.is_compiling():
        return sample_in_torch(value, sizes, locations, weights)
    shapes = torch.tensor(sizes, device=value.device)
    areas = [h * w for h, w in sizes]
    starts = torch.tensor([sum(areas[:i]) for i in range(len(areas))], device=value.device)
    step = max(d for d in range(1, 65) if len(value) % d == 0)  # must divide the batch
    return operator.apply(
        value.contiguous(), shapes, starts, locations.contiguous(), weights.contiguous(), step
    )


class MultiScaleDeformableAttention(nn.Module):
    """Each query gathers from a few learned points of every level.

    Parameter names are those of Deformable-DETR, mmcv and Semantic-SAM. Unlike mmcv's module it
    returns only the attention, without residual and dropout. Sampling uses float32, even under
    autocast and in a model of half precision, because half-precision coordinates cannot
    distinguish the pixels of a large map. If the weights are float64, sampling is, too.

    Args:
        embed_dims: Width D.
        num_heads: Heads h.
        num_levels: Levels L.
        num_points: Points per head and level P.
    """

    def __init__(
        self, embed_dims: int = 256, num_heads: int = 8, num_levels: int = 4, num_points: int = 4
    ) -> None:
        super().__init__()
        if embed_dims % num_heads:
            raise ValueError(f'embed_dims={embed_dims} is not a multiple of num_heads={num_heads}')
        self.num_heads, self.num_levels, self.num_points = num_heads, num_levels, num_points
        samples = num_heads * num_levels * num_points
        self.sampling_offsets = nn.Linear(embed_dims, samples * 2)
        self.attention_weights = nn.Linear(embed_dims, samples)
        self.value_proj = nn.Linear(embed_dims, embed_dims)
        self.output_proj = nn.Linear(embed_dims, embed_dims)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Let heads sample in h directions, the p-th point at a distance of p pixels (Sec. 4.1).

        Distances are measured to the side of a square around the reference point.
        """
        for linear in (self.sampling_offsets, self.attention_weights):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        theta = torch.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        direction = torch.stack([theta.cos(), theta.sin()], dim=-1)
        direction = direction / direction.abs().amax(-1, keepdim=True)
        steps = torch.arange(1, self.num_points + 1)
        bias = direction[:, None, None] * steps[None, None, :, None]
        bias = bias.expand(-1, self.num_levels, -1, -1)
        self.sampling_offsets.bias.copy_(bias.reshape(-1))
        for linear in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(
        self, query: Tensor, value: Tensor, reference: Tensor, sizes: Sequence[Size]
    ) -> Tensor:
        """Gather from ``value``.

        Args:
            query: (N, Q, D), position already added.
            value: Tokens of all levels (N, S, D), without position.
            reference: Reference points (x, y) in [0, 1], broadcastable to (N, Q, L, 2); offsets
                are then in pixels of the level. Or boxes (centre x, centre y, width, height),
                broadcastable to (N, Q, L, 4); an offset of P, the number of points, then is half
                the box.
            sizes: (height, width) of each level.

        Returns:
            (N, Q, D) in the precision of the weights.

        Raises:
            ValueError: The sizes do not add up to S tokens, or the references are neither
                points nor boxes.
        """
        if sum(h * w for h, w in sizes) != value.shape[1]:
            raise ValueError(
                f'{format_count(value.shape[1], "token does not fill", "tokens do not fill")} the '
                f'levels {list(sizes)}'
            )
        if reference.shape[-1] not in (2, 4):
            raise ValueError(f'reference {tuple(reference.shape)} must end in 2 or 4 coordinates')
        with without_autocast(query.device.type):
            own = self.value_proj.weight.dtype
            wide = torch.promote_types(own, torch.float32)
            grid = (self.num_heads, self.num_levels, self.num_points)
            value = self.value_proj(value.to(own)).to(wide).unflatten(-1, (self.num_heads, -1))
            # A softmax over a few points is several times as fast with the queries innermost.
            linear = self.attention_weights
            weights = torch.baddbmm(
                linear.bias[:, None],
                # shape[0], because len() would freeze the batch of an exported model.
                linear.weight.expand(query.shape[0], -1, -1),
                query.to(own).transpose(1, 2),
            )
            weights = weights.to(wide).unflatten(1, (self.num_heads, -1)).softmax(2)
            weights = weights.unflatten(2, grid[1:]).permute(0, 4, 1, 2, 3)
            query, reference = query.to(wide), reference.to(wide)
            if reference.shape[-1] == 4:
                locations = self._around_boxes(query, reference)
            else:
                locations = self._around_points(query, reference, sizes)
            return self.output_proj(sample(value, sizes, locations, weights).to(own))

    def _around_boxes(self, query: Tensor, boxes: Tensor) -> Tensor:
        """Sampling locations (N, Q, h, L, P, 2) for reference boxes (N, Q, L, 4)."""
        grid = (self.num_heads, self.num_levels, self.num_points, 2)
        linear = self.sampling_offsets
        offsets = F.linear(query, linear.weight.to(query.dtype), linear.bias.to(query.dtype))
        offsets = offsets.unflatten(-1, grid)
        boxes = boxes[:, :, None, :, None]
        return boxes[..., :2] + offsets * boxes[..., 2:] * (0.5 / self.num_points)

    def _around_points(self, query: Tensor, points: Tensor, sizes: Sequence[Size]) -> Tensor:
        """Sampling locations (N, Q, h, L, P, 2) for reference points (N, Q, L, 2).

        A location is linear in query, point and 1, so a single matrix product computes all of them.
        Scaling and shifting offsets would need passes over the largest tensor of the layer. In
        memory the queries are innermost, as `sample_in_torch` reads them.
        """
        grid = (self.num_heads, self.num_levels, self.num_points, 2)
        # new_full, because new_tensor would freeze the sizes of an exported model.
        pixels = torch.stack(
            [torch.stack([query.new_full((), 1 / s) for s in (w, h)]) for h, w in sizes]
        )  # (L, 2)
        scale = pixels[:, None].expand(grid).flatten()
        levels = points.shape[2]
        choose = torch.eye(levels * 2, dtype=query.dtype, device=query.device)
        choose = choose.view(levels, 1, 2, -1).expand(*grid, -1).flatten(0, 3)
        linear = self.sampling_offsets
        weight, bias = linear.weight.to(query.dtype), linear.bias.to(query.dtype)
        weight = torch.cat([weight * scale[:, None], choose, (bias * scale)[:, None]], dim=1)
        n, queries = query.shape[:2]
        points = points.flatten(2).expand(n, queries, -1).transpose(1, 2)
        one = query.new_ones(()).expand(n, 1, queries)
        placed = torch.cat([query.transpose(1, 2), points, one], dim=1)
        return (
            torch.bmm(weight.expand(n, -1, -1), placed).unflatten(1, grid).permute(0, 5, 1, 2, 3, 4)
        )


def pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """Centres (x, y) of the pixels of a map, row by row: (height * width, 2) in [0, 1]."""
    y = (torch.arange(height, dtype=torch.float32, device=like.device) + 0.5) / height
    x = (torch.arange(width, dtype=torch.float32, device=like.device) + 0.5) / width
    columns, rows = x.expand(height, width), y[:, None].expand(height, width)
    return torch.stack([columns, rows], dim=-1).flatten(0, 1)
