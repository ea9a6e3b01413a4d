import json
from pathlib import Path

import torch

from benchmarks import speed

ROOT = Path(__file__).resolve().parents[2]


def test_report_has_all_sides_and_a_picture(tmp_path: Path) -> None:
    config = str(ROOT / 'configs' / 'simirstd_synthetic.py')
    arguments = [
        '--reference',
        'plain',
        'unfolded',
        '--precision',
        'float32',
        'bfloat16',
        '--size',
        '32',
        '40',
        '--rounds',
        '1',
        '--train',
        '--train-batch',
        '1',
    ]
    assert speed.main([config, *arguments, '--out', str(tmp_path)]) == 0
    report = json.loads((tmp_path / 'benchmark.json').read_text())
    assert '32 x 40' in report['setting']
    folded, half, plain, usual = report['models']
    assert half['model'] == 'simirstd_synthetic (bfloat16)'
    assert plain['model'] == 'simirstd_synthetic (not fused)'
    assert folded['model'] == 'simirstd_synthetic'
    assert usual['model'] == 'simirstd_synthetic (unfolded)'
    assert folded['parameters'] == usual['parameters']
    assert folded['macs']['backbone'] == usual['macs']['backbone']
    assert all(
        row[key] > 0
        for row in (folded, usual)
        for key in ('latency_s', 'images_per_s', 'inference_peak_bytes', 'training_peak_bytes')
    )
    assert 'CPU' in report['setting']
    assert (tmp_path / 'benchmark.png').stat().st_size > 10_000


def test_models_of_one_and_of_three_channels_run_side_by_side(tmp_path: Path) -> None:
    gray = str(ROOT / 'configs' / 'joint' / 'light_unet_sirst3.py')
    colour = str(ROOT / 'configs' / 'common' / 'common_acm_nudt.py')
    arguments = ['--size', '32', '--rounds', '1', '--train', '--train-batch', '2']
    assert speed.main([gray, colour, *arguments, '--out', str(tmp_path)]) == 0
    report = json.loads((tmp_path / 'benchmark.json').read_text())
    first, second = report['models']
    assert first['model'] == 'light_unet_sirst3'
    assert min(first['training_peak_bytes'], second['training_peak_bytes']) > 0


def test_the_exported_model_runs_beside_it(tmp_path: Path) -> None:
    config = str(ROOT / 'configs' / 'joint' / 'light_unet_sirst3.py')
    arguments = ['--size', '64', '96', '--rounds', '1', '--reference', 'onnx']
    assert speed.main([config, *arguments, '--out', str(tmp_path)]) == 0
    ours, exported = json.loads((tmp_path / 'benchmark.json').read_text())['models']
    assert exported['model'] == 'light_unet_sirst3 (onnxruntime)'
    assert exported['macs'] == ours['macs']
    assert exported['latency_s'] > 0


def test_folding_saves_work_and_changes_no_output() -> None:
    model = speed.build(str(ROOT / 'configs' / 'simirstd_synthetic.py')).eval()
    usual = speed.unfolded(model)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for a, b in zip(model(image, mode='tensor'), usual(image, mode='tensor'), strict=True):
            torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    saved = speed.count(usual, image).macs[speed.REST]
    assert speed.count(model, image).macs[speed.REST] < 0.8 * saved
