import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'simirstd_synthetic.py'


@pytest.fixture(scope='module')
def tool() -> object:
    path = ROOT / 'tools' / 'feature_heatmaps.py'
    spec = importlib.util.spec_from_file_location('feature_heatmaps', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_figure_is_written_and_unknown_levels_are_named(
    tool: object, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    init_default_scope('mmseg')
    model = MODELS.build(Config.fromfile(CONFIG).model)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tmp_path / 'weights.pth')
    noise = np.random.default_rng(0).integers(0, 255, (40, 50), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'image.png'), noise)
    inputs = [str(CONFIG), str(tmp_path / 'weights.pth'), str(tmp_path / 'image.png')]
    assert tool.main([*inputs, str(tmp_path / 'out' / 'heat.png'), '--levels', 'P2', 'P3']) == 0
    assert (tmp_path / 'out' / 'heat.png').stat().st_size > 10_000
    assert tool.main([*inputs, str(tmp_path / 'x.png'), '--levels', 'P9']) == 2
    assert 'there is no level P9; this model has P2, P3, P4, P5' in capsys.readouterr().out
