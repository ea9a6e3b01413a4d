"""Semantic-SAM under the weights of the fixture, and its outputs, computed once per module."""

import pytest
from reference import Reference

from mmirstd.conversion.common import convert
from mmirstd.conversion.semantic_sam import SEMANTIC_SAM
from mmirstd.models.semantic_sam import SemanticSAM


def with_head(name: str) -> str:
    """Where the segmentor, and so the converter, has a parameter of the teacher."""
    return name if name.startswith('backbone.') else f'decode_head.{name}'


@pytest.fixture(scope='module')
def semantic_sam():
    """(fixture, model with its weights)."""
    reference = Reference('semantic_sam_swint')
    for alias, canonical in reference.meta['aliases'].items():
        reference.state[alias] = reference.state[canonical]
    state = {key.removeprefix('model.'): value for key, value in reference.state.items()}
    model = SemanticSAM({'type': 'mmseg.SwinTransformer'}).eval()
    target = {with_head(name): value for name, value in model.state_dict().items()}
    model.load_state_dict(convert(state, SEMANTIC_SAM, target), strict=True)
    return reference, model
