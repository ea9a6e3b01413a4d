import pytest
import torch
from torch import nn

from mmirstd.models.layers.u_net import residual_u_net, u_net_maps


def test_maps_follow_the_skips():
    """With stages that keep values, every decoder stage sees its skip first, then what is below."""
    image = torch.arange(16.0).view(1, 1, 4, 4)
    seen = []

    class First(nn.Module):
        def forward(self, x):
            seen.append(x)
            return x[:, :1]

    def grow(x):
        return nn.functional.interpolate(x, scale_factor=2)

    maps = u_net_maps(image, [nn.Identity()] * 3, [grow] * 2, [First(), First()])
    assert [tuple(each.shape) for each in maps] == [(1, 1, 1, 1), (1, 1, 2, 2), (1, 1, 4, 4)]
    assert maps[0].item() == 15
    assert torch.equal(seen[0][0, 0], torch.tensor([[5.0, 7.0], [13.0, 15.0]]))
    assert (seen[0][0, 1] == 15).all()
    assert torch.equal(seen[1][0, 0], image[0, 0])
    assert torch.equal(maps[-1], image)


def test_levels_must_agree():
    with pytest.raises(ValueError, match='3 levels, but there are blocks for 3 encoder and 3'):
        residual_u_net(1, (4, 8, 16), (1, 1, 1), (1, 1, 1))
