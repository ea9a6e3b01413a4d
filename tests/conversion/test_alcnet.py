"""ALCNet as it circulates: the table of its layers, its counts, and the conversion to ours."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmirstd.conversion.alcnet import ALCNET
from mmirstd.conversion.common import ConversionError, convert

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PARAMETERS = 519_889
"""Published for one image channel."""
GIGAMACS = 0.299
"""Published for 256 x 256: convolutions, their biases, and two operations per normalised value."""


def published_layers() -> dict[str, tuple[int, ...]]:
    """Name -> shape of the weight of every layer with one image channel."""
    layers: dict[str, tuple[int, ...]] = {'stem.0': (1,)}
    for index, (before, after) in enumerate([(1, 8), (8, 8), (8, 16)]):
        layers |= {
            f'stem.{1 + 3 * index}': (after, before, 3, 3),
            f'stem.{2 + 3 * index}': (after,),
        }
    for number, (before, width) in enumerate([(16, 16), (16, 32), (32, 64)], start=1):
        layers |= residual_blocks(f'layer{number}', before, width)
    for number, width in [(2, 32), (1, 16)]:
        layers |= {f'deconv{number}': (2 * width, width, 4, 4)}
        layers |= residual_blocks(f'uplayer{number}', width, width)
        hidden = width // 4
        for gate, first in [('topdown', 1), ('bottomup', 0)]:
            shapes = [(hidden, width, 1, 1), (hidden,), (width, hidden, 1, 1), (width,)]
            places = [first, first + 1, first + 3, first + 4]
            layers |= {
                f'fuse{number}.{gate}.{place}': shape
                for place, shape in zip(places, shapes, strict=True)
            }
        layers |= {
            f'fuse{number}.post.0': (width, width, 3, 3),
            f'fuse{number}.post.1': (width,),
        }
    return layers | {
        'deconv0': (16, 8, 4, 4),
        'head.block.0': (2, 8, 3, 3),
        'head.block.1': (2,),
        'head.block.4': (1, 2, 1, 1),
    }


def residual_blocks(stage: str, before: int, width: int) -> dict[str, tuple[int, ...]]:
    """Four blocks; the first has a shortcut of its own where the width changes."""
    layers: dict[str, tuple[int, ...]] = {}
    for block in range(4):
        entering = width if block else before
        layers |= {
            f'{stage}.{block}.conv1': (width, entering, 3, 3),
            f'{stage}.{block}.bn1': (width,),
            f'{stage}.{block}.conv2': (width, width, 3, 3),
            f'{stage}.{block}.bn2': (width,),
        }
    if before != width:
        layers |= {
            f'{stage}.0.downsample.0': (width, before, 1, 1),
            f'{stage}.0.downsample.1': (width,),
        }
    return layers


def has_bias(name: str, shape: tuple[int, ...]) -> bool:
    """Norms, transposed convolutions, fusions and the classifier have one."""
    return len(shape) == 1 or name.startswith(('deconv', 'fuse')) or name == 'head.block.4'


def outputs_of(name: str, shape: tuple[int, ...]) -> int:
    return shape[1] if name.startswith('deconv') else shape[0]


def published_state() -> dict[str, Tensor]:
    state = {}
    for name, shape in published_layers().items():
        state[f'{name}.weight'] = torch.randn(shape)
        if has_bias(name, shape):
            state[f'{name}.bias'] = torch.randn(outputs_of(name, shape))
        if len(shape) == 1:
            state |= {
                f'{name}.running_mean': torch.zeros(shape),
                f'{name}.running_var': torch.ones(shape),
            }
    return state


@pytest.fixture
def network() -> nn.Module:
    init_default_scope('mmseg')
    config = Config.fromfile(CONFIGS / 'alcnet' / 'alcnet_nudt.py')
    config.model.backbone.in_channels = 1
    return MODELS.build(config.model).eval()


def test_the_published_parameters_are_ours_and_what_the_original_never_reads(network):
    state = published_state()
    learned = {name: value.numel() for name, value in state.items() if 'running' not in name}
    assert sum(learned.values()) == PARAMETERS
    unread = sum(count for name, count in learned.items() if name.startswith('uplayer'))
    ours = sum(parameter.numel() for parameter in network.parameters())
    assert (ours, unread) == (426_961, 92_928)
    assert ours + unread == PARAMETERS


def test_the_published_cost_is_ours(network):
    operations = 0

    def add(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal operations
        if isinstance(module, nn.BatchNorm2d):
            operations += 2 * output.numel()
            return
        applied = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        operations += module.weight.numel() * applied[0, 0].numel()
        operations += output.numel() if module.bias is not None else 0

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
            module.register_forward_hook(add)
    with torch.no_grad():
        network(torch.randn(1, 1, 256, 256), mode='tensor')
    assert operations / 1e9 == pytest.approx(GIGAMACS, abs=5e-4)


def test_every_key_finds_its_place(network):
    state = published_state()
    converted = convert(state, ALCNET, network.state_dict())
    network.load_state_dict(converted)
    pairs = {
        'stem.4.weight': 'backbone.encoder.stem.1.0.weight',
        'layer3.0.downsample.0.weight': 'backbone.encoder.stages.2.0.shortcut.0.weight',
        'deconv2.weight': 'backbone.decoder.upsample.0.weight',
        'deconv0.bias': 'backbone.last_upsample.bias',
        'fuse1.bottomup.3.weight': 'backbone.decoder.fusions.1.place_gate.4.weight',
        'head.block.4.bias': 'decode_head.conv_seg.bias',
    }
    for source, target in pairs.items():
        assert torch.equal(converted[target], state[source]), source


def test_other_names_are_refused(network):
    state = published_state()
    state['up3.weight'] = state.pop('deconv0.weight')
    with pytest.raises(ConversionError, match=r'not known: up3\.weight') as error:
        convert(state, ALCNET, network.state_dict())
    assert 'stay empty: backbone.last_upsample.weight' in str(error.value)
