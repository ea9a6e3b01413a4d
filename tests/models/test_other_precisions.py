"""Whole models in other floating-point types than float32, and copies of fused models."""

import copy

import pytest
import torch
from model_tester import CONFIGS, build_model, labelled_samples
from torch import Tensor, nn

from mmirstd.models.decode_heads.classical_head import ClassicalHead
from mmirstd.models.fuse import fuse_for_inference
from mmirstd.models.layers.deformable_conv import DeformableConv
from mmirstd.models.logits import predict_logits

MODELS = {
    'simirstd_nudt': {'model.backbone.backbone.depths': (1, 1, 1, 1)},
    'simirstd_lite_nudt': {'model.backbone.backbone.depths': (1, 1, 1, 1)},
    'swaps/simirstd_head_on_resnet_fpn_nudt': {},
    'swaps/queries_on_swin_nudt': {},
    'mobile_sam/mobile_sam_nudt': {'model.backbone.img_size': 64},
    'efficient_sam/efficient_sam_vitt_nudt': {'model.backbone.img_size': 64},
}


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    model = build_model(CONFIGS / f'{name}.py', **MODELS[name]).eval()
    for module in model.modules():  # a norm at its start hides what is folded into it
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return model


def image(size: int = 32) -> Tensor:
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('name', MODELS)
def test_double_equals_float(name: str) -> None:
    model = built(name)
    with torch.inference_mode():
        single = predict_logits(model, image())
        double = predict_logits(model.double(), image().double())
    assert double.dtype == torch.float64
    assert single.std() > 1e-3, 'a flat answer would equal everything'
    # Rounding in float32 grows through about a hundred layers to this share of the logits.
    assert (double - single).abs().max() <= 1e-3 * single.abs().max()


# MMSeg's Swin adds a float32 mask to its attention, which no model in half precision survives.
@pytest.mark.parametrize('name', [name for name in MODELS if 'swin' not in name])
def test_bfloat16_is_close_to_float(name: str) -> None:
    model = built(name)
    with torch.inference_mode():
        single = predict_logits(model, image())
        half = predict_logits(model.bfloat16(), image().bfloat16())
    assert half.dtype == torch.bfloat16
    # Random weights give logits that hardly vary, so 8 bits are a share of what they vary by. A
    # position or query that is lost or misplaced makes them independent: an error of 1.4 times.
    error = (half.float() - single).square().mean().sqrt()
    assert error <= 0.3 * single.std()


def test_bfloat16_trains() -> None:
    model = built('simirstd_nudt').bfloat16().train()
    losses = model.loss(image().bfloat16(), labelled_samples(torch.zeros(1, 32, 32).long()))
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_a_fused_model_can_be_copied_and_equals_the_plain_one() -> None:
    model = built('simirstd_nudt')
    fused = fuse_for_inference(model)
    twin = copy.deepcopy(fused)
    with torch.inference_mode():
        expected, got = predict_logits(model, image(64)), predict_logits(twin, image(64))
    assert (got - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert sum(p.numel() for p in fused.parameters()) < sum(p.numel() for p in model.parameters())


def test_norms_after_convolutions_are_folded_in_sequences_only() -> None:
    class Own(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return self[0](x) - self[1](self[0](x))

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        Own(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)),
    ).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    fused = fuse_for_inference(model)
    with torch.inference_mode():
        torch.testing.assert_close(fused(image()), model(image()))
    assert [type(layer) for layer in fused[0]] == [nn.Identity, nn.Conv2d, nn.ReLU]
    assert isinstance(fused[1][0], nn.Conv2d)
    assert isinstance(fused[1][1], nn.BatchNorm2d)
    assert fuse_for_inference(fused, in_place=True) is fused


@pytest.mark.parametrize('modulated', [True, False])
def test_deformable_convolutions_in_half_precision(modulated: bool) -> None:
    torch.manual_seed(0)
    layer, x = DeformableConv(4, (3, 3), modulated=modulated), torch.randn(1, 4, 9, 11)
    nn.init.normal_(layer.offset.weight, std=0.1)
    with torch.no_grad():
        exact = layer(x)
        half = layer.bfloat16()(x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert (half - exact).abs().mean() <= 0.02 * exact.std()


def test_scores_of_classical_detectors_stay_finite_in_half_precision() -> None:
    head = ClassicalHead()
    response = torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16)
    response[0, 0, 1, 1], response[0, 0, 2, 2] = 3, 1.5
    logits = head([response])
    assert logits.isfinite().all()
    assert logits.sigmoid()[0, 0, 2, 2] == pytest.approx(0.5)
