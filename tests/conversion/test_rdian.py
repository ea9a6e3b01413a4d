"""RDIAN: constants of the original are checked, other layers are brought into our form."""

import pytest
import torch

from mmirstd.conversion.common import ConversionError
from mmirstd.conversion.rdian import as_our_layers, direction_kernels


def test_kernels_of_the_original_are_the_constants_that_ours_computes():
    kernels = direction_kernels()
    assert list(kernels) == [f'd{number}.weight' for number in range(11, 19)]
    assert kernels['d13.weight'][0, 0].tolist() == [
        [0, 0, 0, 0, -1],
        [0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    for number in range(11, 15):
        opposite = kernels[f'd{number + 4}.weight'].flip(2, 3)
        assert torch.equal(kernels[f'd{number}.weight'], opposite)


def test_trained_kernels_are_refused():
    state = direction_kernels()
    state['d15.weight'] = state['d15.weight'] * 0.5
    with pytest.raises(ConversionError, match=r'd15\.weight is not the constant kernel'):
        as_our_layers(state)


def test_linear_layers_become_convolutions_and_the_maximum_comes_second():
    state = {
        'cbam.ChannelGate.mlp.1.weight': torch.randn(1, 32),
        'cbam.ChannelGate.mlp.1.bias': torch.randn(1),
        'cbam.SpatialGate.spatial.conv.weight': torch.randn(1, 2, 7, 7),
    }
    ours = as_our_layers(state)
    assert ours['cbam.ChannelGate.mlp.1.weight'].shape == (1, 32, 1, 1)
    assert ours['cbam.ChannelGate.mlp.1.bias'].shape == (1,)
    name = 'cbam.SpatialGate.spatial.conv.weight'
    assert torch.equal(ours[name][:, 0], state[name][:, 1])
    assert torch.equal(ours[name][:, 1], state[name][:, 0])
