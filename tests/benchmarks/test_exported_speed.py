import io
import json
from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

from bright_model import CONFIG, RESIZE

from benchmarks.exported_speed import COLUMNS, cells, main, screen_tables


def test_one_table_from_one_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('COLUMNS', '250')
    Path('bright.py').write_text(CONFIG.replace('RESIZE', RESIZE))
    Path('native.py').write_text(CONFIG.replace('RESIZE', ''))
    words = ['bright.py', 'absent', 'native.py', '--size', '96', '--rounds', '2', '--out', 'log']
    assert main(words) == 1
    assert 'not exported: absent' in capsys.readouterr().out
    report = json.loads(Path('log/export.json').read_text())
    assert report['failed'] == ['absent']
    assert [row['model'] for row in report['models']] == ['bright', 'native']
    for row in report['models']:
        assert row['input'] == [1, 3, 96, 96]
        assert max(row['logits'], row['probability'], row['whole_way']) < 1e-4
        assert row['logit_spread'] > 0.1
        assert row['ratio'] == row['onnx_s'] / row['torch_s'] > 0
    text = Path('log/export.md').read_text()
    assert '2 interleaved rounds' in text
    assert text.count('\n| ') == 4


def test_the_screen_shows_every_number_on_80_columns():
    row = {'model': 'simirstd_nudt', 'input': [1, 3, 1024, 1024], 'open': 'multiple'}
    row |= {'logit_spread': 123.4, 'logits': 3.9e-6, 'probability': 2.1e-7, 'whole_way': 1.2e-5}
    row |= {'file_bytes': 2**27, 'torch_s': 12.345, 'torch_spread_s': 0.4, 'onnx_s': 9.876}
    row |= {'onnx_spread_s': 0.3, 'ratio': 0.8}
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(*screen_tables([row], 'setting'), sep='\n')
    text = console.export_text()
    assert '…' not in text
    for cell in cells(row):
        assert cell in text
    assert all(word in text for column in COLUMNS for word in column.split())


def test_a_batch_needs_an_open_batch(capsys):
    with pytest.raises(SystemExit):
        main(['bright.py', '--batch', '2'])
    assert '--batch needs --dynamic' in capsys.readouterr().err
