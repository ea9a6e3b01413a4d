"""Deformable attention: against a loop over its definition, its edges and mmcv's kernel."""

import pytest
import torch
from torch import Tensor

from mmirstd.models.layers import deformable
from mmirstd.models.layers.deformable import (
    MultiScaleDeformableAttention,
    pixel_centres,
    sample_in_torch,
)
from mmirstd.models.layers.dense_encoder import DenseInteraction

SIZES = [(5, 7), (3, 4)]


def by_definition(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    """Eq. 3 of Deformable DETR, one bilinear sample after the other."""
    n, _, heads, width = value.shape
    out = torch.zeros(n, locations.shape[1], heads, width)
    starts = [0, 35]
    for index in torch.cartesian_prod(*[torch.arange(s) for s in locations.shape[:-1]]).tolist():
        b, q, h, level, p = index
        (height, wide), start = SIZES[level], starts[level]
        x, y = (locations[b, q, h, level, p] * torch.tensor([wide, height]) - 0.5).tolist()
        for row in (int(y // 1), int(y // 1) + 1):
            for column in (int(x // 1), int(x // 1) + 1):
                share = max(0, 1 - abs(y - row)) * max(0, 1 - abs(x - column))
                if 0 <= row < height and 0 <= column < wide:
                    token = value[b, start + row * wide + column, h]
                    out[b, q, h] += weights[b, q, h, level, p] * share * token
    return out.flatten(2)


def random_inputs(device: str = 'cpu') -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(2, 47, 2, 3, generator=generator)
    locations = torch.rand(2, 6, 2, 2, 4, 2, generator=generator) * 1.4 - 0.2
    weights = torch.rand(2, 6, 2, 2, 4, generator=generator)
    return value.to(device), locations.to(device), weights.to(device)


def test_sampling_is_the_definition() -> None:
    value, locations, weights = random_inputs()
    torch.testing.assert_close(
        sample_in_torch(value, SIZES, locations, weights), by_definition(value, locations, weights)
    )


@pytest.mark.gpu
@pytest.mark.mmcv_ops
def test_compiled_kernel_equals_torch() -> None:
    if not torch.cuda.is_available() or deformable.compiled_operator() is None:
        pytest.skip('needs a CUDA device and mmcv built with operators')
    value, locations, weights = random_inputs('cuda')
    torch.testing.assert_close(
        deformable.sample(value, SIZES, locations, weights),
        sample_in_torch(value, SIZES, locations, weights),
        atol=1e-4,
        rtol=1e-4,
    )


def test_fresh_module_looks_in_all_directions_at_growing_distance() -> None:
    attention = MultiScaleDeformableAttention(8, 8, 2, 4)
    offsets = attention.sampling_offsets.bias.view(8, 2, 4, 2)
    torch.testing.assert_close(
        offsets.abs().amax(-1), torch.arange(1.0, 5).expand(8, 2, 4), atol=1e-6, rtol=0
    )
    assert len({tuple(row) for row in offsets[:, 0, 0].round(decimals=3).tolist()}) == 8


def test_bfloat16_autocast_runs_in_float32() -> None:
    attention = MultiScaleDeformableAttention(8, 8, 2, 4)
    query, value = torch.randn(1, 12, 8), torch.randn(1, 47, 8)
    reference = pixel_centres(3, 4, query)[None, :, None]
    exact = attention(query, value, reference, SIZES)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        cast = attention(query, value, reference, SIZES)
    assert cast.dtype == torch.float32
    torch.testing.assert_close(cast, exact)


def test_wrong_sizes_are_named() -> None:
    attention = MultiScaleDeformableAttention(8, 8, 1, 4)
    with pytest.raises(ValueError, match='47 tokens do not fill'):
        attention(torch.randn(1, 4, 8), torch.randn(1, 47, 8), torch.rand(1, 4, 1, 2), [(6, 7)])
    with pytest.raises(ValueError, match='num_heads=3'):
        MultiScaleDeformableAttention(8, 3)


def test_skipping_the_dense_update_changes_nothing_else() -> None:
    torch.manual_seed(0)
    interact = DenseInteraction(8, ffn_dims=32)
    for parameter in interact.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    dense, stage = torch.randn(2, 8, 10, 12), torch.randn(2, 8, 5, 6)
    updated, full = interact(dense, stage)
    nothing, alone = interact(dense, stage, update_dense=False)
    assert updated.shape == dense.shape
    assert nothing is None
    torch.testing.assert_close(alone, full)


def test_boxes_as_references_scale_the_offsets():
    """An offset of P pixels points to the border of the box, whatever the level's resolution."""
    torch.manual_seed(0)
    attention = MultiScaleDeformableAttention(8, 2, 2, 4)
    sizes = [(4, 6), (2, 3)]
    query, value = torch.randn(1, 5, 8), torch.randn(1, 30, 8)
    boxes = torch.rand(1, 5, 1, 4)
    seen = {}

    def record(value, sizes, locations, weights):
        seen['locations'] = locations
        return sample_in_torch(value, sizes, locations, weights)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deformable, 'sample', record)
        attention(query, value, boxes, sizes)
    offsets = attention.sampling_offsets(query).view(1, 5, 2, 2, 4, 2)
    expected = boxes[:, :, None, :, None, :2] + offsets / 4 * boxes[:, :, None, :, None, 2:] / 2
    torch.testing.assert_close(seen['locations'], expected)
    with pytest.raises(ValueError, match='2 or 4'):
        attention(query, value, torch.rand(1, 5, 1, 3), sizes)
