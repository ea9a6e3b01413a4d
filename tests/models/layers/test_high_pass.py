"""The filter of HDNet, against a search square by square."""

import numpy as np
import pytest
import torch

from mmirstd.models.layers.high_pass import (
    FALLBACK_CUT_OFF,
    cut_off,
    dynamic_high_pass,
    spectral_rings,
)


def searched(image: np.ndarray, ratio: float) -> tuple[int, np.ndarray]:
    """Cut-off and filtered image by trying the squares one after another."""
    spectrum = np.fft.fftshift(np.fft.fft2(image))
    energy = np.abs(spectrum) ** 2
    y, x = (side // 2 for side in image.shape)
    found = FALLBACK_CUT_OFF
    for k in range(1, min(image.shape) // 2):
        if energy[y - k : y + k, x - k : x + k].sum() >= ratio * energy.sum():
            found = k
            break
    spectrum[max(y - found, 0) : y + found, max(x - found, 0) : x + found] = 0
    return found, np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum)))


@pytest.mark.parametrize('size', [(32, 32), (24, 40), (33, 27), (16, 17)])
def test_equals_a_search(size):
    generator = np.random.default_rng(0)
    images = generator.normal(size=(3, *size))
    images[1] += 10 * np.cos(np.arange(size[1]))  # energy at one frequency
    found = set()
    for ratio in (0.1, 0.4, 0.8):
        x = torch.from_numpy(images).float()[:, None]
        got = dynamic_high_pass(x, ratio)
        for k, image in enumerate(images):
            number, expected = searched(image, ratio)
            found.add(number)
            np.testing.assert_allclose(got[k, 0].numpy(), expected, atol=1e-5)
    assert len(found) > 2


def test_where_no_square_holds_enough_the_fallback_is_taken():
    power = torch.zeros(2, 32, 32)
    power[0, 0, 0] = 1.0  # only the corner, outside of every square that is searched
    power[1, 16, 16] = 1.0
    assert cut_off(power, spectral_rings(32, 32), 0.5).tolist() == [FALLBACK_CUT_OFF, 1]
    assert cut_off(power[:, :3, :3], spectral_rings(3, 3), 0.5).tolist() == [FALLBACK_CUT_OFF] * 2


def test_a_constant_and_its_gradient_vanish():
    x = torch.full((1, 1, 16, 16), 3.0, requires_grad=True)
    filtered = dynamic_high_pass(x, 0.5)
    assert filtered.abs().max() < 1e-5
    filtered.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_mixed_precision_computes_in_float32():
    x = torch.randn(1, 1, 32, 32)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        got = dynamic_high_pass(x, 0.3)
    assert torch.equal(got, dynamic_high_pass(x, 0.3))
