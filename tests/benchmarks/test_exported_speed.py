import json
from pathlib import Path

import pytest

pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

from bright_network import CONFIG, RESIZE

from benchmarks.exported_speed import main


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
    assert [row['network'] for row in report['networks']] == ['bright', 'native']
    for row in report['networks']:
        assert row['input'] == [1, 3, 96, 96]
        assert max(row['logits'], row['probability'], row['whole_way']) < 1e-4
        assert row['logit_spread'] > 0.1
        assert row['ratio'] == row['onnx_s'] / row['torch_s'] > 0
    text = Path('log/export.md').read_text()
    assert '2 interleaved rounds' in text
    assert text.count('\n| ') == 4


def test_a_batch_needs_an_open_batch(capsys):
    with pytest.raises(SystemExit):
        main(['bright.py', '--batch', '2'])
    assert '--batch needs --dynamic' in capsys.readouterr().err
