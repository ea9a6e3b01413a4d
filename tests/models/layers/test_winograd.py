"""Winograd's convolution is the convolution."""

import pytest
import torch
from torch import nn

from mmirstd.models.fuse import fuse_for_inference
from mmirstd.models.layers import tuning, winograd
from mmirstd.models.layers.conv import Conv2d
from mmirstd.models.layers.winograd import BANDS, DIRECT, WinogradConv2d, applies


@pytest.fixture(autouse=True)
def chosen(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What the measurement is said to have found, instead of measuring."""
    found = {'band': 16}
    monkeypatch.setattr(winograd, 'fastest', lambda _, ways: found['band'])
    return found


@pytest.mark.parametrize('band', BANDS)
@pytest.mark.parametrize('size', [(1, 1), (4, 4), (5, 19), (33, 18)])
@pytest.mark.parametrize('bias', [True, False])
def test_equals_the_direct_convolution(size, bias, band, chosen):
    chosen['band'] = band
    torch.manual_seed(0)
    conv = nn.Conv2d(24, 16, 3, padding=1, bias=bias)
    image = torch.randn(2, 24, *size)
    with torch.no_grad():
        got, expected = WinogradConv2d(conv)(image), conv(image)
    assert got.shape == expected.shape
    assert (got - expected).abs().max() < 1e-4 * expected.abs().max().clamp(min=1)


@pytest.mark.parametrize(('channels', 'side'), [(128, 32), (256, 32), (512, 16)])
def test_rounding_errors_stay_far_below_those_of_half_precision(channels, side):
    """Bounds for any processor, against the exact sum in double precision.

    float32 rounds by up to 2^-24 = 6e-8 of a value. The transformations add up to ten values along
    each axis (row sums of the matrix of the input), so an intermediate value is up to 100 times
    the input and its rounding up to 6e-6. A wrong coefficient errs by more than a percent.
    """
    torch.manual_seed(0)
    conv = nn.Conv2d(channels, channels, 3, padding=1)
    image = torch.randn(1, channels, side, side)
    with torch.no_grad():
        exact = nn.functional.conv2d(
            image.double(), conv.weight.double(), conv.bias.double(), padding=1
        )
        error = WinogradConv2d(conv)(image) - exact
    assert error.square().mean().sqrt() < 1e-5 * exact.square().mean().sqrt()
    assert error.abs().max() < 1e-4 * exact.abs().max()


@pytest.mark.parametrize('band', BANDS)
@pytest.mark.parametrize('size', [(1, 1), (2, 2), (5, 19), (33, 18)])
@pytest.mark.parametrize('bias', [True, False])
def test_bfloat16_equals_the_direct_convolution_but_for_rounding(size, bias, band, chosen):
    chosen['band'] = band
    torch.manual_seed(0)
    conv = nn.Conv2d(24, 16, 3, padding=1, bias=bias)
    image = torch.randn(2, 24, *size)
    with torch.inference_mode():
        got, expected = WinogradConv2d(conv)(image.bfloat16()), conv(image)
    assert got.dtype == torch.bfloat16
    assert (got.float() - expected).abs().max() < 0.05 * expected.abs().max().clamp(min=1)


@pytest.mark.parametrize('channels', [64, 256])
def test_bfloat16_errs_little_more_than_the_direct_convolution(channels):
    """bfloat16 rounds by up to 2^-9; sums of four values are rounded twice on each side."""
    torch.manual_seed(0)
    conv, image = nn.Conv2d(channels, channels, 3, padding=1), torch.randn(1, channels, 24, 24)
    with torch.inference_mode():
        exact = nn.functional.conv2d(
            image.double(), conv.weight.double(), conv.bias.double(), padding=1
        )
        error = WinogradConv2d(conv)(image.bfloat16()).double() - exact
    assert error.square().mean().sqrt() < 0.01 * exact.square().mean().sqrt()
    assert error.abs().max() < 0.03 * exact.abs().max()


def test_channels_last_stays_channels_last():
    conv = nn.Conv2d(8, 8, 3, padding=1)
    image = torch.randn(1, 8, 12, 12).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        got = WinogradConv2d(conv)(image)
    assert got.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ('image', 'autocast'),
    [(torch.randn(1, 8, 9, 9), True), (torch.randn(1, 8, 9, 9).double(), False)],
)
def test_other_precisions_take_the_direct_convolution(image, autocast):
    conv = nn.Conv2d(8, 8, 3, padding=1).to(image.dtype)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        assert torch.equal(WinogradConv2d(conv)(image), conv(image))


def test_gradients_are_those_of_the_convolution():
    conv = nn.Conv2d(8, 8, 3, padding=1)
    image = torch.randn(1, 8, 9, 9, requires_grad=True)
    (fast,) = torch.autograd.grad(WinogradConv2d(conv)(image).sum(), image)
    (direct,) = torch.autograd.grad(conv(image).sum(), image)
    assert torch.equal(fast, direct)


def test_an_exported_model_keeps_the_convolution():
    model = WinogradConv2d(nn.Conv2d(8, 8, 3, padding=1)).eval()
    with torch.no_grad():
        program = torch.export.export(model, (torch.randn(1, 8, 9, 9),))
    calls = [str(n.target) for n in program.graph.nodes if n.op == 'call_function']
    assert any('conv' in call for call in calls)
    assert not any('bmm' in call for call in calls)


def test_a_processor_that_is_faster_without_it_goes_without(chosen):
    conv = nn.Conv2d(32, 32, 3, padding=1)
    fast, image = WinogradConv2d(conv), torch.randn(1, 32, 40, 40)
    with torch.inference_mode():
        different = fast(image)
        chosen['band'] = DIRECT
        assert torch.equal(fast(image), conv(image))
    assert not torch.equal(different, conv(image)), 'rounding differs, so it was used before'


def test_every_way_is_timed_once_for_a_shape(monkeypatch):
    monkeypatch.undo()
    tuning.forget_choices()
    fast, image = WinogradConv2d(nn.Conv2d(32, 32, 3, padding=1)), torch.randn(1, 32, 40, 40)
    tried, compute = [], fast._compute
    monkeypatch.setattr(
        fast, '_compute', lambda x, band: (tried.append((band, x.shape[2])), compute(x, band))[1]
    )
    with torch.inference_mode():
        fast(image)
        assert {band for band, rows in tried if rows == 32} == {DIRECT, *BANDS}
        tried.clear()
        fast(image)
    assert len(tried) == 1, 'the second call only computes'


def test_it_is_taken_for_wide_convolutions_only():
    model = nn.Sequential(
        Conv2d(128, 128, 3, padding=1),
        Conv2d(128, 16, 3, padding=1),
        Conv2d(16, 128, 3, padding=1, stride=2),
        Conv2d(128, 128, 1),
        nn.Conv2d(128, 128, 3, padding=1),
    )
    fused = fuse_for_inference(model)
    assert [isinstance(layer, WinogradConv2d) for layer in fused] == [True, *[False] * 4]
    assert not applies(nn.Conv2d(128, 128, 3, padding=1, groups=2))
    assert model.state_dict().keys() >= {'0.weight', '0.bias'}
