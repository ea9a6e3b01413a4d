import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import DATASETS

from benchmarks.compare_models import main, shared_configs
from benchmarks.comparison import Budget, compare, shorten_config

WARM_UP = 'model.decode_head.warm_up_epochs'
ROOT = Path(__file__).resolve().parents[2]

CHANGES = """
_base_ = ['{config}']

model = dict(data_preprocessor=dict(size=(64, 64)))
small = dict(type='mmirstd.ResizeToSquare', size=64, evaluate_at='input')
steps = [_base_.test_pipeline[0], dict(type='mmirstd.LoadMask'), small, dict(type='PackSegInputs')]
if _base_.train_dataloader is not None:
    train_dataloader = dict(dataset=dict(
        data_root='{data}', split=None, pipeline=steps))
val_dataloader = dict(dataset=dict(
    data_root='{data}', split=None, pipeline=steps))
"""


@pytest.fixture
def write_config(tmp_path):
    """Writes a config on six images with one bright spot each."""
    data = tmp_path / 'data'
    for folder in ('images', 'masks'):
        (data / folder).mkdir(parents=True)
    generator = np.random.default_rng(0)
    for index in range(6):
        image = generator.integers(20, 60, (64, 64), np.uint8)
        mask = np.zeros_like(image)
        row, column = generator.integers(8, 52, 2)
        mask[row : row + 4, column : column + 4] = 255
        image[mask > 0] = 230
        cv2.imwrite(str(data / 'images' / f'{index}.png'), image)
        cv2.imwrite(str(data / 'masks' / f'{index}.png'), mask)

    def write(name: str) -> str:
        path = tmp_path / f'tiny_{name}.py'
        (base,) = (ROOT / 'configs').rglob(f'{name}.py')
        path.write_text(CHANGES.format(config=base, data=data))
        return str(path)

    return write


def test_models_and_detectors_come_in_one_table(write_config, tmp_path, capsys):
    out = tmp_path / 'out'
    configs = [write_config('common_acm_nudt'), write_config('tophat_nudt')]
    options = ['--epochs', '4', '--train-images', '4', '--batch-size', '2', '--test-images', '3']
    assert main([*configs, *options, '--out', str(out)]) == 0
    printed = capsys.readouterr().out
    assert '| tiny_common_acm_nudt | 518,269 |' in printed
    assert f'--out {out}' in printed
    assert (out / 'table.md').read_text() == printed[printed.index('| config') :]
    content = json.loads((out / 'rows.json').read_text())
    assert content['budget']['train_images'] == 4
    model, detector = content['rows']
    assert model['last_loss'] < model['first_loss']
    assert model['macs'] > 0
    assert detector['first_loss'] is None
    assert detector['scores']['IoU'] > 50
    for row in (model, detector):
        log = (out / row['log']).read_text()
        assert 'irstd/IoU' in log
    assert not list(out.rglob('*.pth'))


def test_a_seed_repeats_a_run(write_config, tmp_path):
    budget = Budget(epochs=1, train_images=4, test_images=1, batch_size=2, seed=3)
    config = write_config('common_acm_nudt')
    first, second = (compare([config], budget, tmp_path / name)[0] for name in ('first', 'second'))
    assert first.last_loss == second.last_loss
    assert first.scores == second.scores


def test_what_is_counted_in_epochs_shrinks():
    budget = Budget(epochs=40, score_on='test')
    folder = Path('work')
    plain = Config.fromfile(ROOT / 'configs' / 'common' / 'common_dnanet_nudt.py')
    cfg = shorten_config(plain, budget, folder)
    assert cfg.train_cfg.max_epochs == 40
    assert cfg.param_scheduler[0].milestones == [20, 30]
    assert 'end' not in cfg.param_scheduler[0], 'the runner takes the last epoch'
    assert cfg.val_dataloader.dataset.split == 'nudt/dnanet_50_50_test'
    assert plain.train_cfg.max_epochs == 400, 'the config itself stays'
    warm = Config.fromfile(ROOT / 'configs' / 'sctransnet' / 'sctransnet_nudt.py')
    half, tenth = (
        shorten_config(warm, Budget(epochs=n), folder).param_scheduler for n in (500, 10)
    )
    assert [(each.get('begin', 0), each.end) for each in half] == [(0, 6), (6, 500)]
    assert [each.type for each in tenth] == ['CosineAnnealingLR']


def test_a_joint_config_is_shortened_set_by_set():
    joint = Config.fromfile(ROOT / 'configs' / 'joint' / 'light_unet_sirst3.py')
    few = shorten_config(joint, Budget(epochs=2, train_images=5, score_on='test'), Path('work'))
    assert [each.indices for each in few.train_dataloader.dataset.datasets] == [5, 5, 5]
    assert all('indices' not in each for each in few.val_dataloader.dataset.datasets)
    one = Config.fromfile(ROOT / 'configs' / 'lite0' / 'simirstd_lite0_irstd1k.py')
    splits = [each.split for each in one.train_dataloader.dataset.datasets]
    assert splits == ['irstd1k/basicirstd_train_fit']


@pytest.mark.parametrize(
    ('budget', 'epochs'),
    [
        # Six epochs of 597 images in batches of 4, the last one dropped: 894 iterations
        (Budget(epochs=40), 6),
        (Budget(epochs=4), 4),
        (Budget(epochs=500, batch_size=8), 13),  # of 74
        (Budget(epochs=500, train_images=24), 149),  # of 6
        (Budget(epochs=100, train_images=24), 100),
    ],
)
def test_the_warm_up_of_mshnet_keeps_its_iterations(budget, epochs):
    for name in ('mshnet', 'hdnet'):
        config = Config.fromfile(ROOT / 'configs' / name / f'{name}_nudt.py')
        cfg = shorten_config(config, budget, Path('work'))
        assert cfg.model.decode_head.warm_up_epochs == epochs
        cfg = shorten_config(config, replace(budget, options={WARM_UP: 3}), Path('work'))
        assert cfg.model.decode_head.warm_up_epochs == 3
    common = Config.fromfile(ROOT / 'configs' / 'common' / 'common_mshnet_nudt.py')
    assert shorten_config(common, budget, Path('work')).model.decode_head.warm_up_epochs == 0


def test_mistakes_are_named(tmp_path, capsys):
    with pytest.raises(ValueError, match='epochs=0'):
        Budget(epochs=0)
    with pytest.raises(ValueError, match="'train'"):
        Budget(epochs=1, score_on='train')
    assert main(['no_such_config', '--out', str(tmp_path / 'out')]) == 1
    assert 'no_such_config' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_a_crop_trains_on_windows_with_targets_and_scores_whole_images(write_config, tmp_path):
    name = 'optim_wrapper.optimizer.lr'
    budget = Budget(epochs=1, batch_size=2, crop=32, options={name: 0.25})
    config = Config.fromfile(write_config('common_acm_nudt'))
    cfg = shorten_config(config, budget, tmp_path)
    assert cfg.optim_wrapper.optimizer.lr == 0.25
    with DefaultScope.overwrite_default_scope('mmseg'):
        train, val = (
            DATASETS.build(cfg[f'{name}_dataloader'].dataset) for name in ('train', 'val')
        )
        windows = [train[i] for i in range(6)]
    assert {tuple(w['inputs'].shape[1:]) for w in windows} == {(32, 32)}
    with_target = [w['data_samples'].gt_sem_seg.data.any() for w in windows]
    assert sum(map(bool, with_target)) >= 4
    assert val[0]['inputs'].shape[1:] == (64, 64)
    assert cfg.model.data_preprocessor.size == (32, 32)


@pytest.mark.parametrize('dataset', ['nudt', 'sirst', 'irstd1k', 'mdfa'])
def test_every_model_of_the_common_config_is_compared_by_default(dataset):
    names = shared_configs(dataset)
    folder = ROOT / 'configs' / 'common'
    assert [folder / f'{name}.py' for name in names] == sorted(folder.glob(f'*_{dataset}.py'))
    assert f'common_dnanet_{dataset}' in names
