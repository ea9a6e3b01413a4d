"""The authors' SimIRSTD checkpoint: a file of the released form becomes a file of ours."""

from pathlib import Path

import pytest
import torch
from reference import Reference

from mmirstd.conversion.common import ConversionError
from mmirstd.conversion.files import convert_file
from mmirstd.conversion.simir import SIMIR, SIMIR_BACKBONE, split_in_projections
from mmirstd.models.backbones.repvit import RepViT


def released_state(fixture: str = 'simir') -> dict[str, torch.Tensor]:
    """Names and shapes of the release; the values are of no interest here."""
    return {name: torch.full(shape, 0.5) for name, shape, _ in Reference(fixture).keys}


def test_attention_matrices_are_split_in_order() -> None:
    weight = torch.arange(12.0).view(6, 2)
    split = split_in_projections({'a.in_proj_weight': weight, 'a.out_proj.bias': torch.ones(2)})
    assert list(split) == [
        'a.q_proj.weight',
        'a.k_proj.weight',
        'a.v_proj.weight',
        'a.out_proj.bias',
    ]
    assert torch.equal(split['a.k_proj.weight'], weight[2:4])


def test_trained_detectron2_file_converts_and_lists_what_is_unused(tmp_path: Path) -> None:
    state = released_state()
    state['model.criterion.empty_weight'] = torch.ones(134)
    torch.save({'model': state, 'iteration': 9600}, tmp_path / 'release.pth')
    report = convert_file(SIMIR, tmp_path / 'release.pth', tmp_path / 'ours.pth')
    assert Path(report.config).name == 'simirstd_nudt.py'
    left_out = {key for keys in report.unused.values() for key in keys}
    assert 'criterion.empty_weight' in left_out
    assert 'sem_seg_head.predictor.mask_tokens.weight' in left_out
    assert len(left_out) == 9
    ours = torch.load(tmp_path / 'ours.pth', weights_only=True)['state_dict']
    assert len(ours) == report.converted
    assert ours['neck.query_embed.weight'].shape == (8, 256)


def test_other_revision_of_the_release_is_named(tmp_path: Path) -> None:
    state = released_state()
    prefix = 'model.sem_seg_head.predictor.'
    state[f'{prefix}sparse_embed.weight'] = torch.zeros(7, 256)  # a variant with three queries
    torch.save({'model': state}, tmp_path / 'variant.pth')
    with pytest.raises(ConversionError, match=r'sparse_embed\.weight \(7, 256\), expected'):
        convert_file(SIMIR, tmp_path / 'variant.pth', tmp_path / 'ours.pth')
    assert not (tmp_path / 'ours.pth').exists()


def test_distilled_backbone_alone_becomes_weights_of_repvit(tmp_path: Path) -> None:
    state = released_state('repvit_m1_1')
    torch.save(state, tmp_path / 'distilled.pth')
    report = convert_file(SIMIR_BACKBONE, tmp_path / 'distilled.pth', tmp_path / 'ours.pth')
    assert Path(report.config).name == 'step1_nudt.py'
    backbone = RepViT(stem_stride=1, weights=str(tmp_path / 'ours.pth'))
    assert all((p == 0.5).all() for p in backbone.parameters())


def test_another_size_of_repvit_is_named(tmp_path: Path) -> None:
    state = released_state('repvit_m1_1')
    state['features.31.token_mixer.0.c.weight'] = torch.zeros(256, 1, 3, 3)  # M1.1 ends at 24
    torch.save(state, tmp_path / 'm1_5.pth')
    with pytest.raises(ConversionError, match=r'not known: features\.31\.token_mixer'):
        convert_file(SIMIR_BACKBONE, tmp_path / 'm1_5.pth', tmp_path / 'ours.pth')
