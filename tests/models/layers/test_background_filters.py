import numpy as np
import pytest
import torch
from scipy import ndimage

from mmirstd.models.layers.background_filters import (
    directional_residual,
    multiscale_patch_contrast,
    patch_contrast,
    white_top_hat,
)

FILTERS = {
    'top_hat': lambda x: white_top_hat(x, 9),
    'contrast': lambda x: multiscale_patch_contrast(x, (3, 5)),
    'max_median': lambda x: directional_residual(x, 15),
    'max_mean': lambda x: directional_residual(x, 15, 'mean'),
}


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(2, 1, 23, 31, generator=torch.Generator().manual_seed(0))


def scene() -> torch.Tensor:
    """A step edge and a 3 x 3 spot."""
    scene = torch.zeros(1, 1, 48, 48)
    scene[..., 24:] = 0.8
    scene[..., 20:23, 9:12] = 0.5
    return scene


@pytest.mark.parametrize('name', FILTERS)
def test_the_spot_wins_against_the_edge(name):
    response = FILTERS[name](scene())
    assert response.shape == (1, 1, 48, 48)
    peak = np.unravel_index(response.argmax().item(), (48, 48))
    assert 20 <= peak[0] < 23
    assert 9 <= peak[1] < 12
    assert response[..., 21, 22:27].max() <= 0.5 * response.max()


@pytest.mark.parametrize('name', FILTERS)
def test_flat_images_give_nothing_and_offsets_do_not_count(name, image):
    flat = FILTERS[name](torch.full((1, 1, 20, 20), 7.0))
    assert flat.abs().max() <= 1e-5
    torch.testing.assert_close(FILTERS[name](image + 3), FILTERS[name](image), atol=1e-5, rtol=1e-4)


def test_top_hat_equals_scipy(image):
    expected = ndimage.white_tophat(image[0, 0].numpy(), size=9, mode='nearest')
    inner = (slice(8, -8), slice(8, -8))  # scipy treats the border of the opening differently
    np.testing.assert_allclose(white_top_hat(image, 9)[0, 0].numpy()[inner], expected[inner])


def test_max_median_equals_scipy(image):
    array = image[1, 0].numpy()
    lines = [np.zeros((5, 5), bool) for _ in range(4)]
    lines[0][2] = True
    lines[1][:, 2] = True
    lines[2][np.arange(5), np.arange(5)] = True
    lines[3][np.arange(5), 4 - np.arange(5)] = True
    background = np.max(
        [ndimage.median_filter(array, footprint=line, mode='nearest') for line in lines], axis=0
    )
    residual = directional_residual(image, 5)[1, 0].numpy()
    np.testing.assert_allclose(residual, array - background, atol=1e-6)


def test_contrast_by_hand():
    image = torch.zeros(1, 1, 9, 9)
    image[..., 3:6, 3:6] = 2.0
    contrast = patch_contrast(image, 3)
    assert contrast[0, 0, 4, 4].item() == pytest.approx(4.0)  # (2 - 0) (2 - 0) on every axis
    assert patch_contrast(-image, 3)[0, 0, 4, 4] == 0, 'dark spots do not count'
