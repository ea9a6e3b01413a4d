"""High-pass filter whose cut-off follows the energy of each map (HDNet, TGRS 2025).

Shapes: N batch, H/W image.
"""

import torch
from torch import Tensor

from mmirstd.models.layers.precision import without_autocast

FALLBACK_CUT_OFF = 5


def spectral_rings(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """For every position (H, W) of a centred spectrum, the smallest square that contains it.

    Square k covers rows and columns c - k to c + k - 1 around the centre c; the smallest k is 1.
    """

    def distances(side: int) -> Tensor:
        offset = torch.arange(side, device=device) - side // 2
        return torch.where(offset < 0, -offset, offset + 1)

    return torch.maximum(distances(height)[:, None], distances(width))


def cut_off(power: Tensor, rings: Tensor, energy_ratio: float) -> Tensor:
    """Smallest square (N,) that contains at least ``energy_ratio`` of each spectrum's energy.

    Args:
        power: Squared magnitudes (N, H, W) of centred spectra.
        rings: The result of `spectral_rings`.
        energy_ratio: In [0, 1].

    Returns:
        Integers from 1 to min(H, W) // 2 - 1; or 5, as in the released code, if even the largest
        square contains less.
    """
    largest = min(power.shape[-2:]) // 2 - 1
    if largest < 1:
        return torch.full((len(power),), FALLBACK_CUT_OFF, device=power.device)
    sums = power.new_zeros(len(power), max(power.shape[-2:]) // 2 + 2)
    sums = sums.index_add(1, rings.flatten(), power.flatten(1))
    inside = sums.cumsum(dim=1)[:, 1 : largest + 1]
    enough = inside >= energy_ratio * power.sum(dim=(1, 2))[:, None]
    smallest = enough.to(torch.int32).argmax(dim=1) + 1
    return torch.where(enough[:, -1], smallest, FALLBACK_CUT_OFF)


def dynamic_high_pass(x: Tensor, energy_ratio: float) -> Tensor:
    """Remove the smallest square of low frequencies that contains ``energy_ratio`` of the energy.

    Gradients pass through the filter, but not through the choice of the square.

    Args:
        x: (N, 1, H, W).
        energy_ratio: In [0, 1].

    Returns:
        Magnitudes (N, 1, H, W), float32: the filtered map is complex, since the squares are not
        symmetric, and the released code takes its magnitude.
    """
    with without_autocast(x.device.type):
        spectrum = torch.fft.fftshift(torch.fft.fft2(x.float()), dim=(-2, -1))
        rings = spectral_rings(*x.shape[-2:], device=x.device)
        with torch.no_grad():
            power = (spectrum.real.square() + spectrum.imag.square())[:, 0]
            limit = cut_off(power, rings, energy_ratio)
        kept = spectrum * (rings > limit[:, None, None, None])
        return torch.fft.ifft2(torch.fft.ifftshift(kept, dim=(-2, -1))).abs()
