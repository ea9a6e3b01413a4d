"""Conversion of Semantic-SAM's released files, from state dicts under the official names."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from meta_device import on_meta_device
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS

from mmirstd.conversion.common import ConversionError, convert
from mmirstd.conversion.semantic_sam import SEMANTIC_SAM

ROOT = Path(__file__).resolve().parents[2]
LARGE = {'channels': 192, 'depths': (2, 2, 18, 2), 'heads': (6, 12, 24, 48), 'window': 12}
TINY = {'channels': 96, 'depths': (2, 2, 6, 2), 'heads': (3, 6, 12, 24), 'window': 7}
SMALL = {
    'channels': 16,
    'depths': (1, 1, 2, 1),
    'heads': (1, 2, 4, 4),
    'window': 7,
    'width': 32,
    'ffn': 128,
    'encoder_layers': 2,
    'decoder_layers': 3,
    'attention_heads': 4,
}
"""Of configs/semantic_sam/semantic_sam_cpu_synthetic.py."""


def official_shapes(
    channels,
    depths,
    heads,
    window,
    width=256,
    ffn=2048,
    encoder_layers=6,
    decoder_layers=9,
    attention_heads=8,
):
    """Name -> shape as the authors' code has them, with the prefix of the released files."""
    shapes = {}

    def layer(name, *shape):
        shapes[f'{name}.weight'] = shape
        shapes[f'{name}.bias'] = shape[:1]

    def mlp(name, *dims):
        for i in range(len(dims) - 1):
            layer(f'{name}.layers.{i}', dims[i + 1], dims[i])

    def deformable(name):
        samples = attention_heads * 4 * 4
        layer(f'{name}.sampling_offsets', 2 * samples, width)
        layer(f'{name}.attention_weights', samples, width)
        layer(f'{name}.value_proj', width, width)
        layer(f'{name}.output_proj', width, width)

    body = 'model.backbone'
    layer(f'{body}.patch_embed.proj', channels, 3, 4, 4)
    layer(f'{body}.patch_embed.norm', channels)
    for i, (depth, number) in enumerate(zip(depths, heads, strict=True)):
        c = channels * 2**i
        for j in range(depth):
            block = f'{body}.layers.{i}.blocks.{j}'
            layer(f'{block}.norm1', c)
            layer(f'{block}.norm2', c)
            shapes[f'{block}.attn.relative_position_bias_table'] = ((2 * window - 1) ** 2, number)
            shapes[f'{block}.attn.relative_position_index'] = (window**2, window**2)
            layer(f'{block}.attn.qkv', 3 * c, c)
            layer(f'{block}.attn.proj', c, c)
            layer(f'{block}.mlp.fc1', 4 * c, c)
            layer(f'{block}.mlp.fc2', c, 4 * c)
        if i < 3:
            shapes[f'{body}.layers.{i}.downsample.reduction.weight'] = (2 * c, 4 * c)
            layer(f'{body}.layers.{i}.downsample.norm', 4 * c)
        layer(f'{body}.norm{i}', c)
    pixel = 'model.sem_seg_head.pixel_decoder'
    for i, (c, kernel) in enumerate([(2, 1), (4, 1), (8, 1), (8, 3)]):
        layer(f'{pixel}.input_proj.{i}.0', width, channels * c, kernel, kernel)
        layer(f'{pixel}.input_proj.{i}.1', width)
    shapes[f'{pixel}.transformer.level_embed'] = (4, width)
    for i in range(encoder_layers):
        name = f'{pixel}.transformer.encoder.layers.{i}'
        deformable(f'{name}.self_attn')
        layer(f'{name}.norm1', width)
        layer(f'{name}.norm2', width)
        layer(f'{name}.linear1', ffn, width)
        layer(f'{name}.linear2', width, ffn)
    layer(f'{pixel}.mask_features', width, width, 1, 1)
    shapes[f'{pixel}.adapter_1.weight'] = (width, channels, 1, 1)
    layer(f'{pixel}.adapter_1.norm', width)
    shapes[f'{pixel}.layer_1.weight'] = (width, width, 3, 3)
    layer(f'{pixel}.layer_1.norm', width)
    predictor = 'model.sem_seg_head.predictor'
    shapes[f'{predictor}.lang_mapper'] = (512, width)
    for name in ('class_embed', 'class_embed_part'):
        shapes[f'{predictor}.{name}'] = (width, 512)
    mlp(f'{predictor}.mask_embed', width, width, width, width)
    for name in ('decoder_norm', 'decoder.norm'):
        layer(f'{predictor}.{name}', width)
    for i in range(decoder_layers):
        name = f'{predictor}.decoder.layers.{i}'
        deformable(f'{name}.cross_attn')
        shapes[f'{name}.self_attn.in_proj_weight'] = (3 * width, width)
        shapes[f'{name}.self_attn.in_proj_bias'] = (3 * width,)
        layer(f'{name}.self_attn.out_proj', width, width)
        for norm in ('norm1', 'norm2', 'norm3'):
            layer(f'{name}.{norm}', width)
        layer(f'{name}.linear1', ffn, width)
        layer(f'{name}.linear2', width, ffn)
        for alias in ('bbox_embed', 'decoder.bbox_embed'):
            mlp(f'{predictor}.{alias}.{i}', width, width, width, 4)
    mlp(f'{predictor}.decoder.ref_point_head', 2 * width, width, width)
    mlp(f'{predictor}._bbox_embed', width, width, width, 4)
    mlp(f'{predictor}.iou_prediction_head', width, width, width, 1)
    for name, rows in (('mask_tokens', 6), ('pb_embedding', 2), ('label_enc', 2)):
        shapes[f'{predictor}.{name}.weight'] = (rows, width)
    return shapes


def official_state(**sizes):
    """Random values, with aliases that hold the value of their parameter."""
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn(shape, generator=generator)
        for name, shape in official_shapes(**sizes).items()
    }
    for name in state:
        for alias in ('decoder.bbox_embed.', 'predictor.bbox_embed.'):
            if alias in name:
                layer = name.split(alias)[1].split('.', 1)[1]
                state[name] = state[f'model.sem_seg_head.predictor._bbox_embed.{layer}']
        if 'predictor.decoder.norm.' in name:
            state[name] = state[name.replace('decoder.norm.', 'decoder_norm.')]
    return state


@pytest.fixture(scope='module')
def released(tmp_path_factory):
    """A file as Detectron2 writes it, of the small network."""
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


def model_config(recipe):
    init_default_scope('mmseg')
    return Config.fromfile(ROOT / 'configs' / 'semantic_sam' / f'{recipe}.py').model


def test_names_are_those_of_the_released_model(reference_root):
    keys = json.loads((reference_root / 'semantic_sam_swint.keys.json').read_text())
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
    network = MODELS.build(model_config('semantic_sam_cpu_synthetic'))
    network.load_state_dict(convert(state, SEMANTIC_SAM, network.state_dict()))
    merging = network.backbone.stages[0].downsample
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
def test_published_sizes_convert_strictly_and_name_their_recipe(size, sizes):
    """No values: one number stands for each whole tensor."""
    shapes = official_shapes(**sizes)
    assert len(shapes) == {'swint': 648, 'swinl': 816}[size]
    one = torch.ones(())
    state = {name.removeprefix('model.'): one.expand(shape) for name, shape in shapes.items()}
    recipe = f'semantic_sam_{size}_sirst'
    assert SEMANTIC_SAM.config_of(state) == f'semantic_sam/{recipe}.py'
    with on_meta_device():
        target = MODELS.build(model_config(recipe)).state_dict()
    converted = convert(state, SEMANTIC_SAM, target)
    assert {name: value.shape for name, value in converted.items()} == {
        name: value.shape for name, value in target.items()
    }


def test_the_recipe_follows_the_size_of_the_file(tool, tmp_path, monkeypatch, capsys):
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
    with pytest.raises(ConversionError, match=r'1 tensors are second names.*bbox_embed\.1\.layers'):
        convert(state, SEMANTIC_SAM, target)


def test_surplus_and_missing_keys_are_errors():
    state = {name.removeprefix('model.'): value for name, value in official_state(**SMALL).items()}
    state['sem_seg_head.predictor.surplus'] = torch.zeros(1)
    del state['sem_seg_head.predictor.decoder_norm.weight']
    target = MODELS.build(model_config('semantic_sam_cpu_synthetic')).state_dict()
    with pytest.raises(ConversionError) as error:
        convert(state, SEMANTIC_SAM, target)
    assert 'not known: sem_seg_head.predictor.surplus' in str(error.value)
    assert 'stay empty: decode_head.mask_decoder.decoder_norm.weight' in str(error.value)
