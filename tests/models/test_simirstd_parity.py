"""SimIRSTD equals the authors' release under procedural weights of the official names."""

import numpy as np
import pytest
import torch
from model_tester import CONFIGS, build_model
from reference import Reference
from torch import nn

from mmirstd.conversion.common import convert
from mmirstd.conversion.simir import SIMIR
from mmirstd.models.features import FeatureMaps
from mmirstd.models.layers.conv import to_map, to_tokens
from mmirstd.models.logits import predict_logits

TIGHT = 1e-5


def load(name: str) -> tuple[nn.Module, Reference]:
    """Our full model under the fixture's weights, and the fixture."""
    reference = Reference(name)
    # A Detectron2 checkpoint holds one more key than the fixture once it was trained.
    source = {key.removeprefix('model.'): value for key, value in reference.state.items()}
    source['criterion.empty_weight'] = torch.ones(134)
    model = build_model(CONFIGS / 'simirstd_nudt.py').eval()
    model.load_state_dict(convert(source, SIMIR, model.state_dict()))
    return model, reference


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'tolerance', 'final_tolerance'),
    [('simir', 1e-4, 2e-3), ('simir_general_2x128x160', 1e-3, 3e-3)],
)
def test_whole_model(name: str, tolerance: float, final_tolerance: float) -> None:
    model, reference = load(name)
    image = reference.input()
    model.backbone.predict_early_mask = True
    with torch.no_grad():
        final, early_encoder, early_fpn = model(image, mode='tensor')
        encoded = model.backbone(image)
        pyramid = model.neck(encoded)
        stages = [p(x) for p, x in zip(model.neck.projections, encoded, strict=True)]
        model.backbone.predict_early_mask = False
        predicted = predict_logits(model, image)
    outputs = {
        'mask_early_encoder': early_encoder,
        'mask_early_fpn': early_fpn,
        'queries_encoder': encoded.queries.transpose(0, 1),
        'queries_fpn': pyramid.queries.transpose(0, 1),
        'mask_features': pyramid[0],
        **{f'res{level}': x for level, x in enumerate(stages, start=2)},
    }
    assert set(outputs) | {'mask_final'} == set(reference.outputs)
    reference.check(tolerance, **outputs)
    # The prompt encoder normalises over four channels only, so pixels where the early mask
    # crosses zero are ill-conditioned in the original as well: bounds on the distribution.
    final_difference = reference.differences('mask_final', final)
    assert np.median(final_difference) <= 1e-4
    assert np.percentile(final_difference, 99) <= final_tolerance
    # Prediction skips the early mask of the encoder and changes nothing by that.
    torch.testing.assert_close(predicted, final, atol=1e-5, rtol=1e-5)


@pytest.fixture(scope='module')
def stages() -> tuple[nn.Module, Reference, dict]:
    model, reference = load('simir_stages')
    return model, reference, {name: reference.input(name) for name in reference.meta['inputs']}


def test_pyramid(stages: tuple) -> None:
    model, reference, inputs = stages
    neck = model.neck
    projections, neck.projections = neck.projections, nn.ModuleList([nn.Identity()] * 4)
    features = FeatureMaps(
        [inputs[f'fpn.res{level}'] for level in range(2, 6)], inputs['fpn.queries'].transpose(0, 1)
    )
    with torch.no_grad():
        pyramid = neck(features)
        mask = pyramid.early_masks['fpn']
    neck.projections = projections
    outputs = {
        'fpn.mask_features': pyramid[0],
        'fpn.mask': mask,
        'fpn.queries': pyramid.queries.transpose(0, 1),
        **{f'fpn.multi{i}': pyramid[3 - i] for i in range(3)},
    }
    reference.check(TIGHT, **outputs)


def test_prompt_and_decoder(stages: tuple) -> None:
    model, reference, inputs = stages
    head = model.decode_head
    mask_prompt, head.mask_prompt = head.mask_prompt, None
    features = inputs['decoder.mask_features'] + inputs['decoder.dense']
    queries = inputs['decoder.queries'].transpose(0, 1)
    with torch.no_grad():
        mask = head.predict_logits(FeatureMaps([features], queries))
        dense = mask_prompt(inputs['prompt.mask'])
    head.mask_prompt = mask_prompt
    reference.check(TIGHT, **{'prompt.dense': dense, 'decoder.mask': mask})


def test_deformable_encoders(stages: tuple) -> None:
    model, reference, inputs = stages
    for number, interact in enumerate(model.backbone.dense_interactions, start=1):
        with torch.no_grad():
            maps = interact(inputs['deform.high'], inputs['deform.low'])
        memory = torch.cat([to_tokens(x) for x in maps], dim=1)
        reference.check(TIGHT, **{f'deform.memory{number}': memory})


def test_positions(stages: tuple) -> None:
    model, reference, inputs = stages
    like, size = inputs['deform.low'], (6, 8)
    wide = model.backbone.position(*size, like).dense()
    narrow = model.backbone.dense_interactions[0].position(*size, like).dense()
    outputs = {
        'pe.sine256': wide,
        'pe.sine8': narrow,
        'pe.random': model.decode_head.position(*size),
    }
    reference.check(TIGHT, **{name: to_map(x[None], size) for name, x in outputs.items()})
