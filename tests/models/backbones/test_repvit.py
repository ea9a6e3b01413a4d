"""RepViT: equality with timm, stem strides, weights on disk, re-parameterisation."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from mmirstd.models.backbones.repvit import RepViT
from mmirstd.models.fuse import fuse_for_inference

TINY = {'embed_dims': (8, 16, 24, 32), 'depths': (1, 1, 2, 1)}


def tiny(**options: object) -> RepViT:
    torch.manual_seed(0)
    return RepViT(**TINY, **options).eval()


def test_equals_timm_at_its_own_stride() -> None:
    backbone = tiny()
    twin = timm.create_model(
        'repvit_m1_1', num_classes=0, embed_dim=TINY['embed_dims'], depth=TINY['depths']
    ).eval()
    assert set(backbone.state_dict()) == {
        key for key in twin.state_dict() if key.startswith(('stem.', 'stages.'))
    }
    twin.load_state_dict(backbone.state_dict(), strict=False)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(backbone(image)[-1], twin.forward_features(image))


@pytest.mark.parametrize(
    ('stride', 'sizes'), [(4, (16, 8, 4, 2)), (2, (32, 16, 8, 4)), (1, (64, 32, 16, 8))]
)
def test_stem_stride_sets_the_resolution(stride: int, sizes: tuple[int, ...]) -> None:
    backbone = tiny(stem_stride=stride)
    outputs = backbone(torch.randn(1, 3, 64, 64))
    assert [x.shape[1:] for x in outputs] == [
        (c, s, s) for c, s in zip(TINY['embed_dims'], sizes, strict=True)
    ]
    assert backbone.strides == [stride * 2**k for k in range(4)]


def test_stride_two_stem_computes_the_pretrained_one_at_even_positions() -> None:
    plain, fine = tiny(), tiny(stem_stride=2)
    fine.load_state_dict(plain.state_dict())
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        # Not bit for bit: another stride may select another kernel.
        torch.testing.assert_close(fine.stem(image)[..., ::2, ::2], plain.stem(image))


def test_odd_sizes_and_one_channel() -> None:
    outputs = tiny(stem_stride=1, in_channels=1)(torch.randn(2, 1, 33, 47))
    assert [x.shape[-2:] for x in outputs] == [(33, 47), (17, 24), (9, 12), (5, 6)]


def test_reparameterised_model_computes_the_same() -> None:
    backbone = tiny(stem_stride=2)
    for module in backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        expected = backbone(image)
        fused = fuse_for_inference(backbone)
        for a, b in zip(fused(image), expected, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fused.modules())


def test_weights_load_from_a_backbone_or_a_whole_model(tmp_path: Path) -> None:
    state = tiny().state_dict()
    torch.save(state, tmp_path / 'backbone.pth')
    whole = {f'backbone.{k}': v for k, v in state.items()} | {'decode_head.w': torch.ones(1)}
    torch.save({'state_dict': whole, 'meta': {}}, tmp_path / 'model.pth')
    save_file(state, tmp_path / 'backbone.safetensors')
    for name in ('backbone.pth', 'model.pth', 'backbone.safetensors'):
        loaded = RepViT(**TINY, stem_stride=1, weights=str(tmp_path / name))
        assert all(torch.equal(v, state[k]) for k, v in loaded.state_dict().items())


def test_bad_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth do not exist.*weights=PATH'):
        RepViT(**TINY, weights=str(tmp_path / 'nowhere.pth'))
    truncated = tmp_path / 'truncated.pth'
    torch.save(tiny().state_dict(), truncated)
    truncated.write_bytes(truncated.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r'truncated\.pth is incomplete'):
        RepViT(**TINY, weights=str(truncated))
    foreign = tmp_path / 'foreign.pth'
    torch.save({'conv.weight': torch.ones(1)}, foreign)
    with pytest.raises(ValueError, match=r'foreign\.pth does not contain weights'):
        RepViT(**TINY, weights=str(foreign))


def test_unreachable_imagenet_weights_give_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    create = timm.create_model

    def offline(*args: object, pretrained: bool = False, **kwargs: object) -> object:
        if pretrained:
            raise OSError('no network')
        return create(*args, pretrained=False, **kwargs)

    monkeypatch.setattr(timm, 'create_model', offline)
    with pytest.raises(RuntimeError, match=r"no network.*weights='\.\.\.'.*weights=None"):
        RepViT(weights='imagenet')


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match='stem_stride=3'):
        RepViT(stem_stride=3)
    with pytest.raises(ValueError, match="arch='resnet18' is not a RepViT"):
        RepViT('resnet18')
