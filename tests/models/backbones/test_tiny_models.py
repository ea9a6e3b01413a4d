"""The tiny models: what they cost, and that every part of them learns and fits any size."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch.utils.flop_counter import FlopCounterMode

from mmirstd.models.backbones import LightUNet, StrideOneResNet
from mmirstd.registry import MODELS

CONFIGS = ['configs/joint/light_unet_sirst3.py', 'configs/joint/simirstd_tiny_sirst3.py']


@pytest.fixture(params=CONFIGS)
def model(request):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return MODELS.build(Config.fromfile(request.param).model)


def test_cost_stays_within_the_budget_of_a_camera(model):
    model.eval()
    # Under no_grad the counter of PyTorch 2.14 stumbles over folded attention.
    with FlopCounterMode(display=False) as counter:
        logits = model.predict(torch.zeros(1, 1, 256, 256), None)[0].seg_logits.data
    assert logits.shape == (1, 256, 256)
    assert counter.get_total_flops() / 2 <= 1.5e9
    assert sum(p.numel() for p in model.parameters()) <= 0.5e6


def test_every_parameter_gets_a_gradient_and_logits_have_any_size(model):
    images = torch.randn(2, 1, 52, 39)
    outputs = model(images, mode='tensor')
    assert len(outputs) > 1
    sum(output.square().mean() for output in outputs).backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None]
    assert missing == []
    with torch.no_grad():
        logits = model.eval().predict(images, None)[0].seg_logits.data
    assert logits.shape == (1, 52, 39)
    assert logits.isfinite().all()


def test_maps_keep_the_resolution_of_the_image_first():
    images = torch.randn(1, 1, 64, 48)
    encoder = StrideOneResNet(channels=(16, 32, 8), blocks=(1, 2, 1)).eval()
    assert [tuple(x.shape[1:]) for x in encoder(images)] == [
        (16, 64, 48),
        (32, 32, 24),
        (8, 16, 12),
    ]
    assert encoder.strides == [1, 2, 4]
    unet = LightUNet(channels=(16, 32, 8), blocks=(1, 2, 1), decoder_blocks=(1, 1)).eval()
    assert [tuple(x.shape[1:]) for x in unet(images)] == [(32, 32, 24), (16, 64, 48)]
    assert unet.out_channels == (32, 16)


def test_the_skip_reaches_the_finest_map_by_addition():
    torch.manual_seed(0)
    unet = LightUNet(channels=(4, 4), blocks=(1, 1), decoder_blocks=(1,)).eval()
    image = torch.randn(1, 1, 8, 8)
    for layer in unet.laterals:  # silence everything that comes from below
        torch.nn.init.zeros_(layer[1].weight)
    skip = unet.encoder(image)[0]
    assert torch.allclose(unet(image)[-1], unet.decoder[0](skip.relu()), atol=1e-6)


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: StrideOneResNet(channels=(8, 16), blocks=(1,)), 'one entry per stage'),
        (lambda: StrideOneResNet(channels=(8, 0), blocks=(1, 1)), 'must be positive'),
        (lambda: LightUNet(channels=(8, 8), blocks=(1, 1)), r'decoder_blocks=\(1, 1, 1, 1\)'),
    ],
)
def test_wrong_sizes_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_outputs_start_from_the_rarity_of_targets():
    init_default_scope('mmseg')
    head = dict(Config.fromfile(CONFIGS[0]).model.decode_head)
    head = MODELS.build(head)
    maps = [torch.zeros(1, c, 8, 8) for c in (64, 48, 32, 16)]
    for output in head(maps):
        assert torch.allclose(output.sigmoid(), torch.tensor(0.01), atol=1e-6)
    with pytest.raises(ValueError, match='target_prior'):
        MODELS.build(
            {'type': 'mmirstd.IRSTDHead', 'in_channels': 8, 'channels': 8, 'target_prior': 0.0}
        )


@pytest.mark.parametrize('name', ['acm', 'alcnet', 'fc3net', 'mshnet', 'light_unet'])
def test_the_rarity_of_targets_survives_the_initialisation(name):
    init_default_scope('mmseg')
    head = MODELS.build(Config.fromfile(f'configs/joint/{name}_sirst3.py').model).decode_head
    layers = [head.conv_seg, *head.side_heads]
    head.init_weights()
    for layer in layers:
        assert torch.allclose(layer.bias.sigmoid(), torch.tensor(0.01), atol=1e-6)
        torch.nn.init.zeros_(layer.bias)  # as training or a checkpoint would change it
    head.init_weights()
    assert all(layer.bias == 0 for layer in layers)
