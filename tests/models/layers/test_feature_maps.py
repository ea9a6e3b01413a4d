"""Padding of images and sums over levels of a pyramid."""

import pytest
import torch
import torch.nn.functional as F

from mmirstd.models.layers.feature_maps import add_upsampled, pad_to_multiple


@pytest.mark.parametrize(
    ('fine', 'coarse'), [((8, 6), (4, 3)), ((7, 5), (4, 3)), ((8, 6), (2, 3)), ((4, 3), (4, 3))]
)
@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_add_upsampled_is_nearest_interpolation(fine, coarse, memory_format):
    x = torch.randn(2, 5, *fine).to(memory_format=memory_format).requires_grad_()
    y = torch.randn(2, 5, *coarse).to(memory_format=memory_format).requires_grad_()
    got, expected = add_upsampled(x, y), x + F.interpolate(y, size=fine, mode='nearest')
    assert torch.equal(got, expected)
    weights = torch.randn(2, 5, *fine)
    got = torch.autograd.grad((got * weights).sum(), (x, y))
    expected = torch.autograd.grad((expected * weights).sum(), (x, y))
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize(
    ('size', 'padded'),
    [((32, 33), (76, 76)), ((80, 81), (80, 84)), ((76, 75), (76, 76)), ((73, 200), (76, 200))],
)
def test_small_images_are_extended_to_the_minimum(size, padded):
    image = torch.randn(1, 1, *size)
    extended = pad_to_multiple(image, 4, minimum=73)
    assert extended.shape[-2:] == padded
    assert torch.equal(extended[..., : size[0], : size[1]], image)
    assert (extended[..., size[0] :, 0] == image[..., -1:, 0]).all()
