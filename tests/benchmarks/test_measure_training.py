from pathlib import Path

import pytest
from mmengine.config import Config

from benchmarks.measure_training import main
from benchmarks.training_cost import measure_training
from mmirstd.datasets.synthetic import SceneConfig, write_dataset

ROOT = Path(__file__).resolve().parents[2]
RECIPE = 'sam_cpu_synthetic'


@pytest.fixture(scope='module')
def options(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp('scenes')
    write_dataset(folder, {'train': 4}, config=SceneConfig(size=(64, 64)), seed=0)
    return [
        f'train_dataloader.dataset.data_root={folder}',
        'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False',
        'train_dataloader.batch_size=2',
        'model.backbone.img_size=64',
        'optim_wrapper.optimizer.lr=0.003',
    ]


def test_log_says_what_it_was_made_with(options, tmp_path, capsys):
    out = tmp_path / 'new' / 'log.txt'
    arguments = [RECIPE, '--iterations', '16', '--out', str(out), '--expect-falling']
    assert main([*arguments, '--cfg-options', *options]) == 0
    log = out.read_text()
    assert log.strip() in capsys.readouterr().out
    assert RECIPE in log
    assert 'random weights, seed 0' in log
    assert 'batch of 2: median' in log
    assert len(log.split('\nloss ')[1].splitlines()[0].split()) == 16


def test_a_loss_that_does_not_fall_is_reported(options, capsys):
    # A single iteration is its own first and last quarter.
    arguments = [RECIPE, '--iterations', '1', '--expect-falling', '--cfg-options', *options]
    assert main(arguments) == 1
    assert main(['no_such_config']) == 2
    assert 'no_such_config' in capsys.readouterr().err


def test_measured_numbers(options):
    config = Config.fromfile(ROOT / 'configs' / 'sam' / f'{RECIPE}.py')
    config.merge_from_dict(dict([options[0].split('=', 1)]))
    config.train_dataloader.update(num_workers=0, persistent_workers=False, batch_size=3)
    config.model.backbone.update(img_size=64, frozen=True)
    cost = measure_training(config, 2)
    encoder = 100_000  # the small encoder has more parameters than that
    assert cost.batch_size == 3
    assert len(cost.losses) == len(cost.seconds) == len(cost.cpu_seconds) == 2
    assert cost.median_cpu_seconds > 0
    assert cost.trainable < cost.parameters - encoder
    assert cost.peak_bytes > 2**20
    assert cost.median_seconds == cost.seconds[1]
    with pytest.raises(ValueError, match='iterations=0'):
        measure_training(config, 0)
