import importlib.util
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from reference import Reference

from mmirstd.conversion.common import ConversionError
from mmirstd.conversion.families import FAMILIES
from mmirstd.conversion.files import convert_file
from mmirstd.conversion.rdian import direction_kernels

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location('convert', ROOT / 'tools' / 'convert_checkpoint.py')
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

BASICIRSTD = [
    '--cfg-options',
    'model.backbone.in_channels=1',
    'model.backbone.blocks=[3,3,3]',
    'model.backbone.affine_input_norm=True',
    'model.decode_head.align_corners=False',
]


def basicirstd_acm() -> dict[str, torch.Tensor]:
    """A state dict under the names of BasicIRSTD's ACM, made from ours by the inverse renaming."""
    init_default_scope('mmseg')
    cfg = Config.fromfile(ROOT / 'configs' / 'acm' / 'acm_nudt.py')
    cfg.merge_from_dict(
        {
            'model.backbone.in_channels': 1,
            'model.backbone.blocks': [3, 3, 3],
            'model.backbone.affine_input_norm': True,
        }
    )
    torch.manual_seed(0)
    state = MODELS.build(cfg.model).state_dict()
    return {f'model.{official_name(name)}': value for name, value in state.items()}


def official_name(name: str) -> str:
    """``stem.N``, ``layerN``, ``deconvN``, ``uplayerN``, ``fuseN`` and ``head.block.N``."""
    part, *rest = name.removeprefix('backbone.').removeprefix('decode_head.').split('.')
    if part == 'encoder':
        kind, *rest = rest
        if kind == 'input_norm':
            return f'stem.0.{rest[0]}'
        if kind == 'stem':
            return f'stem.{1 + 3 * int(rest[0]) + int(rest[1])}.{rest[2]}'
        return f'layer{int(rest[0]) + 1}.' + '.'.join(rest[1:]).replace('shortcut', 'downsample')
    if part == 'decoder':
        kind, index, *rest = rest
        number = 2 - int(index)
        if kind == 'upsample':
            return f'deconv{number}.{rest[0]}'
        if kind == 'stages':
            return f'uplayer{number}.' + '.'.join(rest)
        gate, layer, parameter = rest
        names = {'channel_gate': 'topdown', 'place_gate': 'bottomup', 'post': 'post'}
        layer = int(layer) - (gate == 'place_gate')
        return f'fuse{number}.{names[gate]}.{layer}.{parameter}'
    return f'head.block.{rest[0]}.{rest[1]}' if part == 'hidden' else f'head.block.4.{rest[0]}'


@pytest.fixture
def published(tmp_path) -> Path:
    path = tmp_path / 'ACM_400.pth.tar'
    torch.save({'epoch': 400, 'state_dict': basicirstd_acm(), 'total_loss': [0.5]}, path)
    return path


def test_a_file_is_converted_and_loads_strictly(published, tmp_path, capsys):
    result = tmp_path / 'acm.pth'
    assert tool.main(['acm', str(published), str(result), *BASICIRSTD]) == 0
    printed = capsys.readouterr().out
    assert 'tensors written' in printed
    assert 'table of variants' in printed
    written = torch.load(result, weights_only=True)
    assert written['meta']['converted_from']['file'] == 'ACM_400.pth.tar'
    assert written['meta']['dataset_meta']['classes'] == ('background', 'target')
    cfg = Config.fromfile(ROOT / 'configs' / 'acm' / 'acm_nudt.py')
    cfg.merge_from_dict(
        {
            'model.backbone.in_channels': 1,
            'model.backbone.blocks': [3, 3, 3],
            'model.backbone.affine_input_norm': True,
        }
    )
    model = MODELS.build(cfg.model)
    load_checkpoint(model, str(result), strict=True)
    expected = basicirstd_acm()['model.head.block.4.weight']
    assert torch.equal(model.decode_head.conv_seg.weight, expected)


def test_another_number_of_channels_is_refused_unless_adapted(published, tmp_path, capsys):
    result = tmp_path / 'acm.pth'
    three = ['--cfg-options', *BASICIRSTD[2:]]
    assert tool.main(['acm', str(published), str(result), *three]) == 1
    message = capsys.readouterr().err
    assert 'stem.1.weight (8, 1, 3, 3), expected (8, 3, 3, 3)' in message
    assert '--adapt-in-channels' in message
    assert not result.exists()
    assert tool.main(['acm', str(published), str(result), '--adapt-in-channels', *three]) == 0
    assert torch.load(result, weights_only=True)['state_dict'][
        'backbone.encoder.stem.0.0.weight'
    ].shape == (8, 3, 3, 3)


def test_the_wrong_family_is_named(published, tmp_path, capsys):
    assert tool.main(['mshnet', str(published), str(tmp_path / 'out.pth')]) == 1
    message = capsys.readouterr().err
    assert 'not a checkpoint of mshnet as mshnet/mshnet_nudt.py builds it' in message
    assert 'are not known: stem.0.weight' in message
    assert 'keys of the model are not filled: backbone.entry.weight' in message


def test_missing_files_and_folders_are_named(published, tmp_path, capsys):
    assert tool.main(['acm', str(tmp_path / 'no.pth'), str(tmp_path / 'out.pth')]) == 1
    assert 'no.pth' in capsys.readouterr().err
    assert tool.main(['acm', str(published), str(tmp_path / 'no' / 'out.pth')]) == 1
    assert 'create it first' in capsys.readouterr().err
    with pytest.raises(SystemExit) as usage:
        tool.main(['resnet', str(published), 'out.pth'])
    assert usage.value.code == 2


def test_what_is_left_out_is_told(tmp_path, monkeypatch):
    state = {key.removeprefix('model.'): value for key, value in basicirstd_acm().items()}
    path = tmp_path / 'acm.pth'
    torch.save(state, path)
    overrides = {'model.backbone.in_channels': 1, 'model.backbone.blocks': [3, 3, 3]}
    report = convert_file(FAMILIES['acm'], path, tmp_path / 'out.pth', overrides=overrides)
    (keys,) = report.unused.values()
    assert keys == ['stem.0.weight', 'stem.0.bias']


@pytest.mark.parametrize(
    ('name', 'fixture', 'unread'),
    [
        ('alcnet', 'alcnet_basicirstd', 96),
        ('istdunet', 'istdunet', 8),
        ('rdian', 'rdian', 8),
        ('resunet', 'resunet_basicirstd', 0),
        ('unet', 'unet_basicirstd', 0),
    ],
)
def test_files_of_basicirstd_fit_the_config_as_it_is(name, fixture, unread, tmp_path):
    """Names and shapes as published; one zero stands for each whole tensor."""
    keys = Reference(fixture).keys
    state = {key: torch.zeros(()).expand(shape) for key, shape, _ in keys}
    state |= direction_kernels() if name == 'rdian' else {}
    state = {f'model.{key}': value for key, value in state.items()}
    torch.save({'epoch': 400, 'state_dict': state, 'total_loss': [0.5]}, tmp_path / 'file.pth.tar')
    report = convert_file(FAMILIES[name], tmp_path / 'file.pth.tar', tmp_path / 'out.pth')
    left_out = [key for keys in report.unused.values() for key in keys]
    assert len(left_out) == unread
    assert report.converted + unread == len(keys)


@pytest.mark.parametrize('name', sorted(FAMILIES))
def test_every_family_names_a_config(name):
    family = FAMILIES[name]
    assert (ROOT / 'configs' / family.config).is_file()


def test_a_part_that_the_model_lacks_is_named(published, tmp_path):
    family = FAMILIES['simir-backbone']
    assert family.part
    with pytest.raises(ConversionError, match=r'no part neck\.absent'):
        convert_file(
            type(family)(**{**vars(family), 'part': 'neck.absent'}),
            published,
            tmp_path / 'out.pth',
            config='acm_nudt',
        )
