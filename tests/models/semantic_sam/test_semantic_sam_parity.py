"""Semantic-SAM equals the original under procedural weights."""

import pytest
import torch
from meta_device import on_meta_device
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mmirstd.models.semantic_sam import SemanticSAM, SemanticSAMOutput

TIGHT = 2e-5
"""Five times stricter than the fixture's README requires."""


@pytest.fixture(scope='module')
def outputs(semantic_sam):
    """Every stage of the model for the fixture's image and prompts."""
    reference, model = semantic_sam
    boxes = reference.given('prompt_boxes')[None]
    kinds = reference.given('prompt_pb')[None]
    with torch.no_grad():
        maps = model.extract_features(reference.input('image'))
        mask_features, memory = model.pixel_decoder(maps)
        decoder = model.mask_decoder
        return {
            'maps': maps,
            'mask_features': mask_features,
            'memory': memory,
            'masked': decoder(mask_features, memory, boxes, kinds),
            'unmasked': decoder(mask_features, memory, boxes, kinds, independent=False),
            'pb010': decoder(mask_features, memory, boxes, torch.tensor([[0, 1, 0]])),
        }


def flat(output: SemanticSAMOutput, prefix: str = '') -> dict[str, Tensor]:
    """The outputs of a layer in the original's layout, prompts and granularities in one axis."""
    return {
        f'{prefix}pred_masks': output.masks.flatten(1, 2),
        f'{prefix}pred_ious': output.ious,
        f'{prefix}pred_boxes': output.boxes.flatten(1, 2),
    }


def test_backbone(semantic_sam, outputs):
    reference, _ = semantic_sam
    for level, feature in enumerate(outputs['maps'], start=2):
        reference.check(
            TIGHT,
            **{
                f'res{level}': feature,
                f'res{level}_channel_mean': feature.mean(dim=(2, 3)),
                f'res{level}_mean': feature.mean(dim=(1, 2, 3)),
            },
        )


def test_pixel_decoder(semantic_sam, outputs):
    reference, _ = semantic_sam
    levels = {f'multi_scale_{i}': level for i, level in enumerate(outputs['memory'])}
    reference.check(TIGHT, mask_features=outputs['mask_features'], **levels)


@pytest.mark.parametrize('case', ['masked', 'unmasked', 'pb010'])
def test_last_layer(semantic_sam, outputs, case):
    reference, _ = semantic_sam
    prefix = '' if case == 'masked' else f'{case}_'
    reference.check(TIGHT, **flat(outputs[case], prefix))


def test_earlier_layers(semantic_sam, outputs):
    reference, _ = semantic_sam
    last = outputs['masked']
    layers = [*last.auxiliary, last]
    assert len(layers) == 9
    reference.check(TIGHT, **flat(layers[0], 'layer0_'))
    for index in range(1, 8):
        reference.check(TIGHT, **{f'layer{index}_pred_masks': layers[index].masks.flatten(1, 2)})
    reference.check(
        TIGHT,
        all_pred_ious=torch.stack([layer.ious for layer in layers]),
        all_pred_boxes=torch.stack([layer.boxes.flatten(1, 2) for layer in layers]),
    )


def test_the_encoder_costs_what_the_original_costs():
    """5.129 G multiply-accumulates for 192 x 256 pixels, the original's count."""
    with on_meta_device():
        encoder = SemanticSAM({'type': 'mmseg.SwinTransformer'}).eval().requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            encoder.extract_features(torch.zeros(1, 3, 192, 256))
    assert counter.get_total_flops() / 2e9 == pytest.approx(5.129, abs=1e-3)
