"""SimIRSTD equals the authors' release under procedural weights of the official names."""

from pathlib import Path

import numpy as np
import pytest
import torch
from network_tester import CONFIGS, _procedural, build_network
from torch import Tensor, nn

from mmirstd.conversion.common import convert
from mmirstd.conversion.simir import SIMIR
from mmirstd.models.features import QueryFeatures
from mmirstd.models.layers.conv import to_map, to_tokens


def load(reference_root: Path, name: str) -> tuple[nn.Module, dict, object]:
    """Our full model under the fixture's weights, the fixture and its generator."""
    procedural = _procedural(reference_root)
    fixture = procedural.load_fixture(reference_root / f'{name}.npz')
    weights = procedural.procedural_state_dict(fixture['keys'], fixture['meta']['seed'])
    # A Detectron2 checkpoint holds one more key than the fixture once it was trained.
    source = {key.removeprefix('model.'): torch.from_numpy(v) for key, v in weights.items()}
    source['criterion.empty_weight'] = torch.ones(134)
    model = build_network(CONFIGS / 'simirstd_nudt.py').eval()
    model.load_state_dict(convert(source, SIMIR, model.state_dict()))
    return model, fixture, procedural


def difference(ours: Tensor, fixture: dict, name: str) -> np.ndarray:
    """Absolute differences at the stored positions."""
    stride = fixture['meta'].get('strides', {}).get(name, 1)
    ours = ours[..., ::stride, ::stride] if ours.dim() == 4 else ours
    return np.abs(ours.numpy() - fixture['outputs'][name])


def relative(ours: Tensor, fixture: dict, name: str) -> float:
    scale = max(1.0, np.abs(fixture['outputs'][name]).max())
    return difference(ours, fixture, name).max() / scale


@pytest.mark.parametrize(
    ('name', 'tolerance', 'final_tail'),
    [('simir', 1e-4, 2e-3), ('simir_general_2x128x160', 1e-3, 3e-3)],
)
def test_whole_network(
    reference_root: Path, name: str, tolerance: float, final_tail: float
) -> None:
    model, fixture, procedural = load(reference_root, name)
    meta = fixture['meta']
    image = torch.from_numpy(procedural.procedural_input(meta['input_shape'], meta['seed']))
    with torch.no_grad():
        final, early_encoder, early_fpn = model(image, mode='tensor')
        encoded = model.backbone(image)
        pyramid = model.neck(encoded)
        stages = [p(x) for p, x in zip(model.neck.projections, encoded, strict=True)]
        predicted = model.decode_head.decode_final(pyramid)
    outputs = {
        'mask_early_encoder': early_encoder,
        'mask_early_fpn': early_fpn,
        'queries_encoder': encoded.queries.transpose(0, 1),
        'queries_fpn': pyramid.queries.transpose(0, 1),
        'mask_features': pyramid[0],
        **{f'res{level}': x for level, x in enumerate(stages, start=2)},
    }
    assert set(outputs) | {'mask_final'} == set(fixture['outputs'])
    for key, output in outputs.items():
        assert relative(output, fixture, key) <= tolerance, key
    # The prompt encoder normalises over four channels only, so pixels where the early mask
    # crosses zero are ill-conditioned in the original as well: bounds on the distribution.
    final_difference = difference(final, fixture, 'mask_final')
    assert np.median(final_difference) <= 1e-4
    assert np.percentile(final_difference, 99) <= final_tail
    # Prediction skips the early mask of the encoder and changes nothing by that.
    torch.testing.assert_close(predicted, final, atol=0, rtol=0)


@pytest.fixture(scope='module')
def stages(reference_root: Path) -> tuple[nn.Module, dict, dict]:
    model, fixture, procedural = load(reference_root, 'simir_stages')
    meta = fixture['meta']
    inputs = {
        name: torch.from_numpy(procedural.procedural_input(shape, meta['seed'], name))
        for name, shape in meta['inputs'].items()
    }
    return model, fixture, inputs


def check(fixture: dict, outputs: dict[str, Tensor]) -> None:
    for name, output in outputs.items():
        assert relative(output, fixture, name) <= 1e-5, name


def test_pyramid(stages: tuple) -> None:
    model, fixture, inputs = stages
    neck = model.neck
    projections, neck.projections = neck.projections, nn.ModuleList([nn.Identity()] * 4)
    features = QueryFeatures(
        [inputs[f'fpn.res{level}'] for level in range(2, 6)], inputs['fpn.queries'].transpose(0, 1)
    )
    with torch.no_grad():
        pyramid = neck(features)
        mask = pyramid.early['fpn']()
    neck.projections = projections
    check(
        fixture,
        {
            'fpn.mask_features': pyramid[0],
            'fpn.mask': mask,
            'fpn.queries': pyramid.queries.transpose(0, 1),
            **{f'fpn.multi{i}': pyramid[3 - i] for i in range(3)},
        },
    )


def test_prompt_and_decoder(stages: tuple) -> None:
    model, fixture, inputs = stages
    head = model.decode_head
    mask_prompt, head.mask_prompt = head.mask_prompt, None
    features = inputs['decoder.mask_features'] + inputs['decoder.dense']
    queries = inputs['decoder.queries'].transpose(0, 1)
    with torch.no_grad():
        mask = head.decode_final(QueryFeatures([features], queries))
        dense = mask_prompt(inputs['prompt.mask'])
    head.mask_prompt = mask_prompt
    check(fixture, {'prompt.dense': dense, 'decoder.mask': mask})


def test_deformable_encoders(stages: tuple) -> None:
    model, fixture, inputs = stages
    for number, interact in enumerate(model.backbone.dense_interactions, start=1):
        with torch.no_grad():
            maps = interact(inputs['deform.high'], inputs['deform.low'])
        memory = torch.cat([to_tokens(x) for x in maps], dim=1)
        check(fixture, {f'deform.memory{number}': memory})


def test_positions(stages: tuple) -> None:
    model, fixture, inputs = stages
    like, size = inputs['deform.low'], (6, 8)
    wide = model.backbone.position(*size, like).dense()
    narrow = model.backbone.dense_interactions[0].position(*size, like).dense()
    outputs = {
        'pe.sine256': wide,
        'pe.sine8': narrow,
        'pe.random': model.decode_head.position(*size),
    }
    check(fixture, {name: to_map(x[None], size) for name, x in outputs.items()})
