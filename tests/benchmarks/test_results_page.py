import json
from pathlib import Path

import pytest

from benchmarks import accuracy_latency, results_page
from benchmarks.results_page import BEGIN, END, FULL, LITE


def row(name: str, seconds: float) -> dict:
    return {
        'model': name,
        'parameters': 24_890_000,
        'macs': {'all': 153_280_000_000},
        'latency_s': seconds,
        'latency_spread_s': 0.01,
        'images_per_s': 1 / seconds,
        'inference_peak_bytes': 2**20 * 472,
    }


@pytest.fixture
def reports() -> dict:
    seconds = {
        FULL: 2.0,
        f'{FULL} (bfloat16)': 1.25,
        f'{FULL} (not fused)': 2.5,
        LITE: 0.26,
        results_page.UIUNET: 0.8,
        results_page.DNANET: 0.4,
    }
    report = {
        'setting': 'some machine',
        'command': ['speed.py', 'a', '--rounds', '7'],
        'models': [row(name, value) for name, value in seconds.items()],
    }
    return {'one': report}


def test_the_text_around_the_tables_stays(tmp_path: Path, reports: dict) -> None:
    page = tmp_path / 'page.md'
    page.write_text(f'# Title\n\nbefore\n\n{BEGIN}\nstale\n{END}\n\nafter\n')
    results_page.write_page(page, reports)
    first = page.read_text()
    results_page.write_page(page, reports)
    assert page.read_text() == first, 'written twice it is the same'
    assert first.startswith('# Title\n\nbefore\n')
    assert first.endswith(f'{END}\n\nafter\n')
    assert 'stale' not in first
    assert f'| {FULL} | 24.89 | 153.28 | 2000 ± 10 | 2.50 | 5.00 | 0.50 | 472 |' in first
    assert 'python -m benchmarks.speed a --rounds 7' in first


def test_marks_are_judged_by_the_ratios(reports: dict) -> None:
    full, fused, lite, half = results_page.marks(reports)
    assert '2.50 (3.00), holds' in full
    assert '0.80 (1.00), holds' in fused
    assert '0.65 (0.70), holds' in lite
    assert '0.62 (0.56), missed' in half
    assert results_page.marks({}) == []


def test_a_page_without_the_comments_is_refused(tmp_path: Path, reports: dict) -> None:
    page = tmp_path / 'page.md'
    page.write_text(f'{BEGIN} only')
    with pytest.raises(ValueError, match='must contain'):
        results_page.write_page(page, reports)
    assert page.read_text() == f'{BEGIN} only'


def test_the_shipped_page_can_be_written(tmp_path: Path, reports: dict) -> None:
    shipped = Path(__file__).resolve().parents[2] / 'docs' / 'results' / 'benchmark.md'
    page = tmp_path / 'page.md'
    page.write_text(shipped.read_text())
    results_page.write_page(page, reports)


def test_accuracy_against_latency_of_what_ships(tmp_path: Path) -> None:
    arguments = ['tiny', '--precision', 'float32', '--size', '64', '--rounds', '1']
    assert accuracy_latency.main([*arguments, '--out', str(tmp_path)]) == 0
    (point,) = json.loads((tmp_path / 'accuracy_latency.json').read_text())['points']
    assert point['latency_s'] > 0
    assert point['scores']
    assert all(0 < s['iou'] <= 100 for s in point['scores'].values())
    assert (tmp_path / 'accuracy_latency.png').stat().st_size > 5_000
