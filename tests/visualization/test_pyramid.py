from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmirstd.visualization.pyramid import pyramid_before_and_after

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def build(**neck: object) -> torch.nn.Module:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    config = Config.fromfile(CONFIGS / 'simirstd_synthetic.py').model
    config.neck.update(neck)
    return MODELS.build(config)


def test_levels_come_finest_first_and_the_queries_change_them() -> None:
    model = build()
    image = torch.randn(1, 3, 64, 64)
    levels = pyramid_before_and_after(model, image)
    assert list(levels) == ['P2', 'P3', 'P4', 'P5']
    assert [before.shape[-1] for before, _ in levels.values()] == [32, 16, 8, 4]
    assert all(not torch.equal(before, after) for before, after in levels.values())
    assert model.neck.num_queries == 4
    with torch.no_grad():
        pyramid = model.neck(model.backbone(image))
    assert torch.equal(levels['P3'][1], pyramid[1])
    assert not model.neck.layers[0]._forward_hooks


def test_models_without_query_fpn_are_refused() -> None:
    with pytest.raises(ValueError, match='num_queries=0'):
        pyramid_before_and_after(
            build(num_queries=0, num_encoder_queries=0, early_decoding=False),
            torch.randn(1, 3, 32, 32),
        )
    with pytest.raises(TypeError, match='the neck is NoneType'):
        pyramid_before_and_after(torch.nn.Identity(), torch.randn(1, 3, 32, 32))
