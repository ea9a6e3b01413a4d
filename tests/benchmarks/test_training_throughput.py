import json
from pathlib import Path

import pytest

from benchmarks.measure_training import main as measure_training
from benchmarks.training_throughput import main, without_cache
from mmirstd.datasets.synthetic import SceneConfig, write_dataset
from mmirstd.inference.configs import load_config

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp('scenes')
    write_dataset(folder, {'train': 6}, config=SceneConfig(size=(64, 64)), seed=0)
    path = folder / 'short.py'
    path.write_text(
        f'_base_ = {str(ROOT / "configs" / "joint" / "light_unet_synthetic.py")!r}\n'
        f'train_dataloader = dict(batch_size=2, dataset=dict(data_root={str(folder)!r}))\n'
    )
    return str(path)


def test_sides_differ_in_one_thing_each(config, tmp_path, capsys):
    out = tmp_path / 'new' / 'rows.json'
    command = [config, '--batch', '2', '--images', '4', '--rounds', '1', '--out', str(out)]
    assert main(command) == 0
    rows = json.loads(out.read_text())['rows']
    assert [(row['what'], row['side']) for row in rows] == [
        ('loading', 'as configured'),
        ('loading', 'reads files'),
        ('step', 'as configured'),
        ('step', 'float32'),  # the config trains in bfloat16; a U-Net has no attention
    ]
    assert all(row['images_per_s'] > 0 for row in rows)
    assert rows[0]['to_configured'] == rows[2]['to_configured'] == 1
    printed = capsys.readouterr().out
    assert 'batch 2, 4 images, 1 interleaved round,' in printed
    assert f'| {rows[1]["to_configured"]:.2f} |' in printed


def test_without_cache_keeps_every_step_in_its_place(config):
    kept = load_config(config)
    direct = without_cache(kept)
    before = kept.train_dataloader.dataset.pipeline
    after = direct.train_dataloader.dataset.pipeline
    assert [step['type'] for step in after] == [
        *(step['type'] for step in before[0]['steps']),
        *(step['type'] for step in before[1:]),
    ]
    assert without_cache(direct) is None


def test_an_absent_data_set_is_named(tmp_path, config, capsys):
    path = tmp_path / 'elsewhere.py'
    path.write_text(f"_base_ = {config!r}\ntrain_dataloader = dict(dataset=dict(data_root='no/x'))")
    assert main([str(path)]) == 2
    assert 'no/x' in capsys.readouterr().err


def test_measure_training_takes_configs_in_bfloat16(config, capsys):
    assert measure_training([config, '--iterations', '1']) == 0
    assert 'batch of 2: median' in capsys.readouterr().out
