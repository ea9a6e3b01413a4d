"""benchmarks/compare_initialisations.py and benchmarks/measure_distillation.py on tiny configs."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from benchmarks.compare_initialisations import main
from benchmarks.initialisation import with_weights
from benchmarks.measure_distillation import main as cost
from mmirstd.models.backbones.repvit import RepViT

ROOT = Path(__file__).resolve().parents[2]
SIZES = {'embed_dims': (8, 8, 16, 16), 'depths': (1, 1, 1, 1)}
RECIPE = """
_base_ = {base!r}
model = dict(
    data_preprocessor=dict(size=(32, 32)),
    backbone=dict(backbone=dict(stem_stride=4, embed_dims=(8, 8, 16, 16), depths=(1, 1, 1, 1))),
    neck=dict(in_channels=[8, 8, 16, 16]))
loader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(data_root={data!r}, split=None))
train_dataloader = dict(batch_size=2, **loader)
test_dataloader = loader
resize = dict(size=32)
"""


@pytest.fixture
def config(tmp_path) -> Path:
    for folder in ('images', 'masks'):
        (tmp_path / 'data' / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(4):
        image, mask = rng.integers(20, 60, (32, 32), np.uint8), np.zeros((32, 32), np.uint8)
        mask[8:12, 8 + index : 12 + index] = 255
        image[mask > 0] = 230
        cv2.imwrite(str(tmp_path / f'data/images/{index}.png'), image)
        cv2.imwrite(str(tmp_path / f'data/masks/{index}.png'), mask)
    path = tmp_path / 'tiny_config.py'
    base = str(ROOT / 'configs/simirstd_synthetic.py')
    path.write_text(RECIPE.format(base=base, data=str(tmp_path / 'data')))
    return path


def test_pairs_differ_in_the_encoder_alone(config, tmp_path, capsys):
    weights = tmp_path / 'student.pth'
    torch.manual_seed(7)
    torch.save({'state_dict': RepViT(**SIZES).state_dict()}, weights)
    out = tmp_path / 'out'
    options = ['--weights', f'distilled={weights}', '--epochs', '1', '--seeds', '0', '4']
    assert main([str(config), '--epochs', '1', '--seeds', '4', '--out', str(out)]) == 0
    alone = json.loads((out / 'random_4' / 'row.json').read_text())['row']
    assert main([str(config), *options, '--out', str(out)]) == 0
    printed = capsys.readouterr().out
    for text in ('| random | 0 |', '| distilled | 4 |', 'random, mean ± std', 'distilled - random'):
        assert text in printed
    rows = json.loads((out / 'rows.json').read_text())['rows']
    assert [len(rows[name]) for name in ('random', 'distilled')] == [2, 2]
    losses = [row['first_loss'] for name in rows for row in rows[name]]
    assert len(set(losses)) == 4
    assert rows['random'][1] == alone  # its time too: not run again
    assert (out / rows['distilled'][1]['log']).is_file()


def test_imagenet_weights_by_name():
    config = Config.fromfile(ROOT / 'configs/lite0/simirstd_lite0_sirst.py')
    assert with_weights(config, 'imagenet').model.backbone.backbone.weights == 'imagenet'
    assert with_weights(config, None).model.backbone.backbone.weights is None


def test_mistakes_end_with_exit_code_1(config, tmp_path, capsys):
    assert main([str(config), '--weights', 'distilled']) == 1
    assert 'NAME=FILE' in capsys.readouterr().err
    assert main([str(config), '--weights', f'distilled={tmp_path / "none.pth"}']) == 1
    assert 'none.pth do not exist' in capsys.readouterr().err
    assert cost([str(config)]) == 1
    assert 'train_cfg.teacher' in capsys.readouterr().err
    with pytest.raises(ValueError, match='take weights'):
        with_weights(Config.fromfile(ROOT / 'configs/acm/acm_nudt.py'), None)


def test_cost_of_the_tiny_config(capsys):
    assert cost(['tiny_synthetic', '--images', '400']) == 0
    printed = capsys.readouterr().out
    assert '96 x 96 pixels, 8 prompts' in printed
    assert '5 epochs of 400 images' in printed
