"""Convolution and GELU in one pass."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmirstd.models.fuse import fuse_for_inference
from mmirstd.models.layers import conv as module
from mmirstd.models.layers import one_pass as operators
from mmirstd.models.layers.conv import ConvBNGELU, ConvGELU, PointwiseConv2d, ResidualConvs


@pytest.fixture(params=[True, False], ids=['one pass', 'two passes'])
def one_pass(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if request.param and not operators.can_compute(torch.float32):
        pytest.skip('no such operator here')
    monkeypatch.setattr(module, 'fastest', lambda _, ways: request.param)
    return request.param


@pytest.mark.parametrize('kernel', [1, 3])
@pytest.mark.parametrize('bias', [True, False])
def test_equals_convolution_and_activation(one_pass, kernel, bias):
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 9, kernel, stride=kernel // 2 + 1, padding=kernel // 2, bias=bias)
    image = torch.randn(2, 6, 13, 10)
    with torch.no_grad():
        torch.testing.assert_close(ConvGELU(conv)(image), F.gelu(conv(image)), atol=1e-5, rtol=1e-5)


def test_mixed_precision_computes_in_bfloat16(one_pass):
    torch.manual_seed(0)
    layer, image = ConvGELU(nn.Conv2d(6, 9, 1)), torch.randn(1, 6, 8, 8)
    with torch.no_grad():
        exact = layer(image)
        with torch.autocast('cpu', torch.bfloat16):
            half = layer(image)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, atol=0.05, rtol=0.05)


def test_a_gradient_takes_the_usual_way(one_pass):
    layer, image = ConvGELU(nn.Conv2d(6, 9, 1)), torch.randn(1, 6, 8, 8, requires_grad=True)
    (got,) = torch.autograd.grad(layer(image).sum(), image)
    (expected,) = torch.autograd.grad(F.gelu(layer.conv(image)).sum(), image)
    assert torch.equal(got, expected)


def test_fusing_finds_every_activation_after_a_convolution(one_pass):
    torch.manual_seed(0)
    block = ConvBNGELU(4, 8).eval()
    chain = nn.Sequential(
        nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.GELU(), nn.Conv2d(8, 2, 1), nn.GELU('tanh')
    ).eval()
    block.bn.running_mean.normal_()
    chain[1].running_var.uniform_(0.5, 2)
    model = nn.Sequential(block, chain)
    fused, image = fuse_for_inference(model), torch.randn(1, 4, 9, 9)
    with torch.inference_mode():
        torch.testing.assert_close(fused(image), model(image), atol=1e-5, rtol=1e-5)
    assert sum(isinstance(layer, ConvGELU) for layer in fused.modules()) == 2
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in fused.modules())
    assert isinstance(fused[1][4], nn.GELU), 'the approximation is not the exact function'


def test_an_exported_model_keeps_both_operators():
    layer = ConvGELU(nn.Conv2d(4, 4, 1)).eval()
    with torch.no_grad():
        program = torch.export.export(layer, (torch.randn(1, 4, 9, 9),))
    calls = [str(node.target) for node in program.graph.nodes if node.op == 'call_function']
    assert any('conv' in call for call in calls)
    assert any('gelu' in call for call in calls)
    assert not any('pointwise' in call for call in calls)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('size', [(7, 5), (16, 16)])
def test_the_residual_is_added(size, layout, dtype):
    torch.manual_seed(0)
    first, second = nn.Conv2d(6, 12, 1), nn.Conv2d(12, 6, 1)
    x = torch.randn(2, 6, *size)
    with torch.inference_mode():
        expected = x + second(F.gelu(first(x)))
        layer = ResidualConvs(ConvGELU(first), second).to(dtype).to(memory_format=layout)
        got = layer(x.to(dtype, memory_format=layout, copy=True))
    assert got.dtype == dtype
    assert got.is_contiguous(memory_format=layout)
    bound = 1e-5 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(got.float(), expected, atol=bound, rtol=bound)


def test_the_residual_of_a_gradient_leaves_the_input():
    torch.manual_seed(0)
    layer = ResidualConvs(nn.Identity(), nn.Conv2d(4, 4, 1))
    x = torch.randn(1, 4, 5, 5, requires_grad=True)
    before = x.detach().clone()
    (got,) = torch.autograd.grad(layer(x).sum(), x)
    (expected,) = torch.autograd.grad((x + layer.second(x)).sum(), x)
    assert torch.equal(got, expected)
    assert torch.equal(x.detach(), before)


@pytest.mark.parametrize('threads', [1, 2])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_a_pointwise_convolution_is_one(one_pass, dtype, threads, monkeypatch):
    monkeypatch.setattr(torch, 'get_num_threads', lambda: threads)
    torch.manual_seed(0)
    conv, image = nn.Conv2d(6, 9, 1), torch.randn(2, 6, 13, 10)
    with torch.inference_mode():
        expected = conv(image)
        layer = PointwiseConv2d.of(conv.to(dtype))
        got = layer(image.to(dtype))
    assert layer.weight is conv.weight
    assert isinstance(layer, nn.Conv2d), 'other layers may look at it'
    bound = 1e-5 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(got.float(), expected, atol=bound, rtol=bound)


@pytest.mark.parametrize('threads', [1, 2])
def test_an_exported_pointwise_convolution_takes_any_number_of_images(threads, monkeypatch):
    monkeypatch.setattr(torch, 'get_num_threads', lambda: threads)
    layer = PointwiseConv2d.of(nn.Conv2d(6, 9, 1)).requires_grad_(False).eval()
    batch = torch.export.Dim('batch', min=1, max=64)
    program = torch.export.export(
        layer, (torch.randn(2, 6, 40, 40),), dynamic_shapes={'x': {0: batch}}
    ).module()
    for n in (1, 3, 5):  # PyTorch takes another way for more than 20,480 values
        image = torch.randn(n, 6, 40, 40)
        torch.testing.assert_close(program(image), layer(image), atol=1e-5, rtol=1e-5)
