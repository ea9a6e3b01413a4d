"""Non-local attention and the context of patches, against plain loops."""

import pytest
import torch
import torch.nn.functional as F

from mmirstd.models.layers.context_pyramid import (
    ContextPyramid,
    GuidedContextBlock,
    adaptive_max_pool,
)
from mmirstd.models.layers.non_local import NonLocal


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module.eval()


@torch.no_grad()
def test_every_place_gets_the_mean_of_all_weighted_by_unscaled_products():
    layer = randomised(NonLocal(6, 2))
    x = torch.randn(2, 6, 3, 4)
    query, key, value = (
        part(x).flatten(2) for part in (layer.query, layer.key, layer.value)
    )  # (N, C, P)
    weights = torch.softmax(query.transpose(1, 2) @ key, dim=-1)
    expected = layer.gamma * (value @ weights.transpose(1, 2)).reshape(x.shape) + x
    torch.testing.assert_close(layer(x), expected)


def test_nothing_changes_before_training():
    x = torch.randn(1, 8, 9, 9)
    assert torch.equal(NonLocal(8, 4)(x), x)
    assert torch.equal(GuidedContextBlock(8, 3)(x), x.relu())


@torch.no_grad()
@pytest.mark.parametrize(('size', 'scale'), [((9, 12), 3), ((11, 10), 3), ((5, 9), 5), ((4, 7), 1)])
def test_patches_equal_a_loop_over_them(size, scale):
    block = randomised(GuidedContextBlock(8, scale))
    x = torch.randn(2, 8, *size)
    guide, expected = block.guide(x), torch.full_like(x, float('nan'))
    rows, columns = (
        [side // scale * k for k in range(scale)] + [side] for side in size
    )  # the last patch takes the remainder
    for i in range(scale):
        for j in range(scale):
            patch = (..., slice(*rows[i : i + 2]), slice(*columns[j : j + 2]))
            expected[patch] = block.within_patch(x[patch]) * guide[:, :, i : i + 1, j : j + 1]
    torch.testing.assert_close(block.patches(x), expected)


def test_gradients_reach_everything():
    pyramid = randomised(ContextPyramid(64, (3, 2), reduction=8))
    pyramid(torch.randn(2, 64, 7, 8)).sum().backward()
    assert all(parameter.grad is not None for parameter in pyramid.parameters())


@pytest.mark.parametrize(
    ('size', 'bins'), [((27, 17), 10), ((32, 32), 6), ((5, 9), 5), ((3, 4), 1)]
)
def test_pooling_has_the_bins_of_pytorch(size, bins):
    x = torch.randn(2, 3, *size)
    assert torch.equal(adaptive_max_pool(x, bins), F.adaptive_max_pool2d(x, bins))
