import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmirstd.models.backbones.efficient_sam_vit import EfficientSAMViT
from mmirstd.models.backbones.mobile_sam_tiny_vit import MobileSAMTinyViT
from mmirstd.models.backbones.promptable_encoder import resize_position
from mmirstd.models.backbones.rpcanet import RPCANet
from mmirstd.models.backbones.sam_vit import SAMViT

VIT = {
    'img_size': 64,
    'pretrain_size': 96,
    'out_channels': 16,
    'embed_dims': 24,
    'depth': 4,
    'num_heads': 2,
}
BUILDERS = {
    'sam': lambda **kw: SAMViT(**VIT, window_size=3, global_blocks=(1, 3), **kw),
    'mobile': lambda **kw: MobileSAMTinyViT(
        img_size=64, out_channels=16, embed_dims=(8, 8, 12, 16), num_heads=(1, 1, 2, 2), **kw
    ),
    'efficient': lambda **kw: EfficientSAMViT(**VIT, **kw),
}


def build(kind, **arguments):
    torch.manual_seed(0)
    return BUILDERS[kind](**arguments)


@pytest.mark.parametrize('kind', BUILDERS)
@pytest.mark.parametrize('shape', [(1, 64, 64), (3, 64, 64), (1, 33, 47), (3, 120, 81)])
def test_any_image_becomes_an_embedding_of_one_size(kind, shape):
    encoder = build(kind).eval()
    with torch.no_grad():
        (embedding,) = encoder(torch.randn(2, *shape))
    assert embedding.shape == (2, 16, 4, 4)
    assert encoder.channels[0] == 16


@pytest.mark.parametrize('kind', BUILDERS)
def test_a_gray_image_equals_its_rgb_copy(kind):
    encoder = build(kind).eval()
    gray = torch.randn(1, 1, 50, 70)
    with torch.no_grad():
        assert torch.equal(encoder(gray)[0], encoder(gray.repeat(1, 3, 1, 1))[0])


def test_efficient_sam_refuses_early_features_and_all_refuse_unknown_arguments():
    with pytest.raises(TypeError, match='early_features'):
        build('efficient', early_features=True)
    for kind in BUILDERS:
        with pytest.raises(TypeError, match='frosen'):
            build(kind, frosen=True)
    with pytest.raises(TypeError, match='contrast_size'):
        RPCANet(contrast_size=3)


@pytest.mark.parametrize(('kind', 'channels'), [('sam', 24), ('mobile', 12)])
def test_early_features(kind, channels):
    encoder = build(kind, early_features=True).eval()
    _, early = encoder(torch.randn(1, 3, 64, 64))
    assert early.shape == (1, channels, 4, 4)
    assert encoder.channels == [16, channels]
    plain = build(kind).eval()
    plain.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(
        plain(torch.ones(1, 3, 64, 64)), encoder(torch.ones(1, 3, 64, 64))[:1]
    )


def test_sam_early_features_are_those_of_the_first_global_block():
    encoder = build('sam', early_features=True).eval()
    outputs = []
    encoder.blocks[1].register_forward_hook(lambda *args: outputs.append(args[-1]))
    _, early = encoder(torch.randn(1, 3, 64, 64))
    assert torch.equal(early, outputs[0].permute(0, 3, 1, 2))


@pytest.mark.parametrize('kind', BUILDERS)
def test_weights_fit_every_image_size(kind):
    encoder, image = build(kind).eval(), torch.randn(1, 3, 96, 96)
    larger = build(kind).eval()
    larger.img_size = 96
    larger.load_state_dict(encoder.state_dict())
    with torch.no_grad():
        assert larger(image)[0].shape == (1, 16, 6, 6)


@pytest.mark.parametrize('kind', BUILDERS)
def test_every_parameter_learns(kind):
    encoder = build(kind).train()
    embedding = encoder(torch.randn(2, 3, 64, 64))[0]
    (embedding * torch.randn_like(embedding)).sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize('kind', BUILDERS)
def test_frozen_encoder_keeps_still(kind):
    encoder = build(kind, frozen=True)
    encoder.train()
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    assert not encoder(torch.randn(2, 3, 64, 64))[0].requires_grad
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


@pytest.mark.parametrize('kind', BUILDERS)
def test_recomputation_changes_no_gradient(kind):
    gradients = []
    image = torch.randn(2, 3, 64, 64)
    for with_cp in (False, True):
        encoder = build(kind, with_cp=with_cp).train()
        encoder(image)[0].square().mean().backward()
        gradients.append([parameter.grad for parameter in encoder.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_shrinking_does_not_lose_a_target_between_samples():
    encoder = build('sam')
    image = torch.zeros(1, 3, 256, 256)
    image[..., 128, 131] = 16.0
    assert encoder.fit(image).sum() == pytest.approx(3.0, rel=0.2)
    assert F.interpolate(image, (64, 64), mode='bilinear').sum() == 0


def test_position_is_resized_without_averaging():
    position = torch.randn(1, 8, 8, 3)
    assert resize_position(position, (8, 8)) is position
    expected = F.interpolate(position.permute(0, 3, 1, 2), (4, 4), mode='bicubic')
    torch.testing.assert_close(resize_position(position, (4, 4)).permute(0, 3, 1, 2), expected)


def test_new_weights_reach_a_tiny_vit_in_evaluation_mode():
    encoder = build('mobile').eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        before = encoder(image)[0]
        state = encoder.state_dict()
        for name in state:
            if name.endswith('attention_biases'):
                state[name] = torch.randn_like(state[name])
        encoder.load_state_dict(state)
        after = encoder(image)[0]
        assert not torch.allclose(before, after)
        assert torch.equal(after, encoder.train().eval()(image)[0])


def test_unusable_arguments_are_named():
    with pytest.raises(ValueError, match='img_size=100'):
        SAMViT(img_size=100)
    with pytest.raises(ValueError, match="arch='giant'"):
        SAMViT(arch='giant')
    with pytest.raises(ValueError, match="arch='base'"):
        EfficientSAMViT(arch='base')
    with pytest.raises(ValueError, match='set only one'):
        build('sam', frozen=True, lora={})


class TestLoRA:
    @pytest.fixture(autouse=True)
    def _peft(self):
        pytest.importorskip('peft')

    def test_starts_equal_trains_little_and_merges(self):
        from mmirstd.models.layers.lora import merge_lora

        plain = build('sam').eval()
        adapted = build('sam', lora={'rank': 2})
        adapted.load_state_dict(plain.state_dict(), strict=False)
        image = torch.randn(1, 3, 64, 64)
        with torch.no_grad():
            torch.testing.assert_close(adapted.eval()(image), plain(image))
        trained = {name for name, p in adapted.named_parameters() if p.requires_grad}
        assert len(trained) == 8
        assert all('lora_' in name for name in trained)
        adapted(image)[0].square().mean().backward()
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if name in trained:
                    nn.init.normal_(parameter, std=0.1)
            before = adapted(image)[0]
            assert not torch.allclose(before, plain(image)[0])
            merge_lora(adapted)
            torch.testing.assert_close(adapted(image)[0], before, atol=1e-5, rtol=1e-5)
        assert set(adapted.state_dict()) == set(plain.state_dict())

    def test_plain_weights_load_completely(self):
        plain, adapted = build('sam'), build('sam', lora={})
        result = adapted.load_state_dict(plain.state_dict(), strict=False)
        assert not result.unexpected_keys
        assert all('lora_' in key for key in result.missing_keys)

    def test_own_weights_load_again(self):
        adapted, other = build('sam', lora={}), build('sam', lora={})
        for parameter in adapted.parameters():
            nn.init.normal_(parameter, std=0.1)
        other.load_state_dict(adapted.state_dict())
        for (name, found), expected in zip(
            other.named_parameters(), adapted.parameters(), strict=True
        ):
            assert torch.equal(found, expected), name
