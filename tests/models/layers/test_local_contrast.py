import pytest
import torch
import torch.nn.functional as F

from mmirstd.conversion.rdian import direction_kernels
from mmirstd.models.layers.local_contrast import (
    dilated_local_contrast,
    direction_gate,
    multiscale_local_contrast,
)


def test_contrast_by_hand():
    x = torch.zeros(1, 1, 7, 7)
    x[0, 0, 3, 3] = 2.0
    contrast = dilated_local_contrast(x, 2)[0, 0]
    assert contrast[3, 3] == pytest.approx(4.0)  # (2 - 0)^2 on every axis
    assert contrast[3, 5] == pytest.approx(0.0)  # only one axis sees the spot
    line = torch.zeros(1, 1, 7, 7)
    line[0, 0, 3] = 2.0
    assert not dilated_local_contrast(line, 2).any(), 'a line differs across itself only'


def test_neighbours_beyond_the_border_come_from_the_other_side():
    x = torch.randn(1, 2, 6, 5, generator=torch.Generator().manual_seed(0))
    shift = (2, 3)
    torch.testing.assert_close(
        dilated_local_contrast(x.roll(shift, dims=(-2, -1)), 2),
        dilated_local_contrast(x, 2).roll(shift, dims=(-2, -1)),
    )


def test_the_largest_scale_counts():
    x = torch.randn(1, 2, 9, 9, generator=torch.Generator().manual_seed(0))
    one, two = dilated_local_contrast(x, 1), dilated_local_contrast(x, 3)
    assert torch.equal(multiscale_local_contrast(x, (1, 3)), torch.maximum(one, two))


def test_direction_gate_is_that_of_the_original_kernels():
    """Kernel k and kernel k + 4 look in opposite directions."""
    image = torch.randn(2, 1, 7, 9, generator=torch.Generator().manual_seed(0))
    responses = [F.conv2d(image, kernel, padding=2) for kernel in direction_kernels().values()]
    products = [responses[k] * responses[k + 4] for k in range(4)]
    torch.testing.assert_close(direction_gate(image), torch.stack(products).sum(0).sigmoid())
    repeated = image.expand(-1, 3, -1, -1)
    torch.testing.assert_close(direction_gate(repeated), direction_gate(image))
