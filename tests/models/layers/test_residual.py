"""Residual blocks and what inference makes of them."""

from functools import partial

import pytest
import torch
from torch import nn

from mmirstd.models.fuse import fuse_for_inference
from mmirstd.models.layers.attention_gates import CBAM
from mmirstd.models.layers.residual import ResidualBlock, residual_stage


def varied(module: nn.Module) -> nn.Module:
    """``module`` in evaluation mode with norms that change something."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for values in (norm.weight, norm.bias, norm.running_mean):
                nn.init.normal_(values)
            nn.init.uniform_(norm.running_var, 0.5, 2)
    return module.eval()


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    'options',
    [
        {},
        {'stride': 2},
        {'bias': True, 'activation': partial(nn.LeakyReLU, 0.1)},
        {'attention': partial(CBAM, reduction=4)},
        {'activation': nn.SiLU},
    ],
    ids=str,
)
def test_a_fused_stage_computes_the_same(options, dtype, layout) -> None:
    torch.manual_seed(0)
    stage = varied(residual_stage(2, 8, 16, **options))
    image = torch.randn(2, 8, 12, 10).to(memory_format=layout)
    fused = fuse_for_inference(stage).to(dtype)
    with torch.inference_mode():
        expected = stage(image)
        read = image.to(dtype, copy=True)
        got = fused(read)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in fused.modules())
    bound = 1e-5 if dtype == torch.float32 else 0.05
    difference = (got.float() - expected).abs().max() / expected.abs().max()
    assert difference < bound
    assert torch.equal(read, image.to(dtype)), 'a skip may read the input later'


def test_overwriting_leaves_the_gradients() -> None:
    torch.manual_seed(0)
    for options in ({}, {'attention': partial(CBAM, reduction=2)}, {'stride': 2}):
        block = ResidualBlock(4, 4, **options).double()
        image = torch.randn(1, 4, 6, 6, dtype=torch.double, requires_grad=True)
        assert torch.autograd.gradcheck(block.eval(), image)


def test_the_branch_without_the_shortcut_is_fused_too() -> None:
    torch.manual_seed(0)
    block = varied(ResidualBlock(4, 4, attention=partial(CBAM, reduction=2)))
    fused, image = fuse_for_inference(nn.Sequential(block))[0], torch.randn(1, 4, 9, 9)
    with torch.inference_mode():
        torch.testing.assert_close(
            fused.residual(image), block.residual(image), atol=1e-5, rtol=1e-5
        )
