"""Conversion of Semantic-SAM's released files, from state dicts under the official names."""

import importlib.util
from pathlib import Path

import pytest
import torch
from meta_device import on_meta_device
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from reference import Reference
from semantic_sam_files import LARGE, SMALL, TINY, official_shapes, official_state

from mmirstd.conversion.common import ConversionError, convert
from mmirstd.conversion.semantic_sam import SEMANTIC_SAM

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def released(tmp_path_factory):
    """A file as Detectron2 writes it, of the small model."""
    path = tmp_path_factory.mktemp('released') / 'small.pth'
    state = official_state(**SMALL) | {'model.criterion.empty_weight': torch.ones(2)}
    torch.save({'model': state, 'iteration': 368749, 'optimizer': {'state': {}}}, path)
    return path


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location(
        'convert_checkpoint', ROOT / 'tools/convert_checkpoint.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def model_config(config):
    init_default_scope('mmseg')
    return Config.fromfile(ROOT / 'configs' / 'semantic_sam' / f'{config}.py').model


def test_names_are_those_of_the_released_model():
    keys = Reference('semantic_sam_swint').keys
    assert {name: tuple(shape) for name, shape, *_ in keys} == official_shapes(**TINY)


def test_a_released_file_becomes_one_for_segmentor_and_teacher(released, tool, tmp_path, capsys):
    result = tmp_path / 'small_converted.pth'
    config = ['--config', 'semantic_sam_cpu_synthetic']
    assert tool.main(['semantic-sam', str(released), str(result), *config]) == 0
    message = capsys.readouterr().out
    for reason in ('second names', 'language part', 'window size', 'training criterion'):
        assert reason in message
    cfg = model_config('semantic_sam_cpu_synthetic')
    segmentor = MODELS.build(cfg)
    load_checkpoint(segmentor, str(result), strict=True)
    head = cfg.decode_head
    teacher = MODELS.build(
        {
            'type': 'mmirstd.SemanticSAM',
            'backbone': cfg.backbone,
            'pixel_decoder': head.pixel_decoder,
            'mask_decoder': head.mask_decoder,
        }
    )
    load_checkpoint(teacher, str(result), strict=True)
    official = official_state(**SMALL)
    checked = {
        'backbone.stages.2.blocks.1.attn.w_msa.qkv.weight': (
            'backbone.layers.2.blocks.1.attn.qkv.weight'
        ),
        'backbone.stages.0.blocks.0.ffn.layers.1.bias': 'backbone.layers.0.blocks.0.mlp.fc2.bias',
        'pixel_decoder.layers.1.ffn.lin1.weight': (
            'sem_seg_head.pixel_decoder.transformer.encoder.layers.1.linear1.weight'
        ),
        'mask_decoder.bbox_embed.layers.2.bias': 'sem_seg_head.predictor._bbox_embed.layers.2.bias',
    }
    for ours, theirs in checked.items():
        assert torch.equal(teacher.get_parameter(ours), official[f'model.{theirs}'])
        in_head = ours if ours.startswith('backbone.') else f'decode_head.{ours}'
        assert torch.equal(segmentor.get_parameter(in_head), official[f'model.{theirs}'])


def test_patch_merging_reads_neighbours_in_another_order():
    """MMCV unfolds (row, column) = 00, 01, 10, 11 per channel, Swin stacks 00, 10, 01, 11."""
    state = official_state(**SMALL)
    state = {name.removeprefix('model.'): value for name, value in state.items()}
    model = MODELS.build(model_config('semantic_sam_cpu_synthetic'))
    model.load_state_dict(convert(state, SEMANTIC_SAM, model.state_dict()))
    merging = model.backbone.stages[0].downsample
    x = torch.randn(1, 6, 8, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, _ = merging(x.flatten(1, 2), (6, 8))
    corners = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
    stacked = torch.cat(corners, dim=-1).flatten(1, 2)
    name = 'backbone.layers.0.downsample'
    normed = torch.nn.functional.layer_norm(
        stacked, (64,), state[f'{name}.norm.weight'], state[f'{name}.norm.bias']
    )
    expected = normed @ state[f'{name}.reduction.weight'].T
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(('size', 'sizes'), [('swint', TINY), ('swinl', LARGE)])
def test_published_sizes_convert_strictly_and_name_their_config(size, sizes):
    """No values: one number stands for each whole tensor."""
    shapes = official_shapes(**sizes)
    assert len(shapes) == {'swint': 648, 'swinl': 816}[size]
    one = torch.ones(())
    state = {name.removeprefix('model.'): one.expand(shape) for name, shape in shapes.items()}
    config = f'semantic_sam_{size}_sirst'
    assert SEMANTIC_SAM.config_of(state) == f'semantic_sam/{config}.py'
    with on_meta_device():
        target = MODELS.build(model_config(config)).state_dict()
    converted = convert(state, SEMANTIC_SAM, target)
    assert {name: value.shape for name, value in converted.items()} == {
        name: value.shape for name, value in target.items()
    }


def test_the_config_follows_the_size_of_the_file(tool, tmp_path, monkeypatch, capsys):
    path = tmp_path / 'part.pth'
    weight = torch.zeros(192, 3, 4, 4)
    torch.save({'model': {'model.backbone.patch_embed.proj.weight': weight}}, path)
    monkeypatch.setattr('mmirstd.conversion.files.target_of', lambda family, config: {})
    assert tool.main(['semantic-sam', str(path), str(tmp_path / 'out.pth')]) == 1
    assert 'as semantic_sam/semantic_sam_swinl_sirst.py builds it' in capsys.readouterr().err


def test_an_alias_with_another_value_is_an_error():
    state = {name.removeprefix('model.'): value for name, value in official_state(**SMALL).items()}
    key = 'sem_seg_head.predictor.bbox_embed.1.layers.2.bias'
    state[key] = state[key] + 1
    target = MODELS.build(model_config('semantic_sam_cpu_synthetic')).state_dict()
    with pytest.raises(
        ConversionError, match=r'second names of .* 1 tensor, .*bbox_embed\.1\.layers'
    ):
        convert(state, SEMANTIC_SAM, target)


def test_surplus_and_missing_keys_are_errors():
    state = {name.removeprefix('model.'): value for name, value in official_state(**SMALL).items()}
    state['sem_seg_head.predictor.surplus'] = torch.zeros(1)
    del state['sem_seg_head.predictor.decoder_norm.weight']
    target = MODELS.build(model_config('semantic_sam_cpu_synthetic')).state_dict()
    with pytest.raises(ConversionError) as error:
        convert(state, SEMANTIC_SAM, target)
    assert 'not known: sem_seg_head.predictor.surplus' in str(error.value)
    assert 'are not filled: decode_head.mask_decoder.decoder_norm.weight' in str(error.value)
