"""`mmirstd info` and `mmirstd models`."""

import hashlib
import json
import sys

import pytest

from mmirstd.cli.main import main
from mmirstd.version import __version__


def test_info_names_what_a_bug_report_needs(capsys, monkeypatch):
    torch = pytest.importorskip('torch')
    monkeypatch.setenv('MMIRSTD_EXAMPLE', 'shown')
    assert main(['info', '--json']) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts['mmirstd'].startswith(__version__)
    assert facts['family'] in ('onedl', 'openmmlab')
    assert torch.__version__ in facts['torch']
    assert 'numpy ' in facts['packages']
    assert 'cores usable' in facts['processor']
    assert facts['MMIRSTD_EXAMPLE'] == 'shown'
    assert main(['info']) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_info_works_where_the_installation_is_broken(capsys, monkeypatch):
    from mmirstd import stack

    monkeypatch.setitem(sys.modules, 'torch', None)
    monkeypatch.setattr(stack, 'installed_versions', lambda names: dict.fromkeys(names, '1'))
    assert main(['info', '--json']) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts['torch'].startswith('cannot be imported')
    assert facts['family'].startswith('BROKEN: mmirstd found a mixed OpenMMLab stack')


@pytest.fixture
def model(tmp_path):
    """A folder with the description of a model."""
    (tmp_path / 'weights.pth').write_bytes(b'weights')
    score = {'dataset': 'NUDT-SIRST', 'split': 'nudt/dnanet_50_50_test', 'images': 664}
    score |= {'targets': 945, 'iou': 94.25, 'niou': 93.5, 'pd': 99.1, 'fa': 2.25}
    content = {
        'name': 'tiny', 'summary': 'a tiny model', 'config': 'simirstd_nudt',
        'file': 'weights.pth', 'sha256': hashlib.sha256(b'weights').hexdigest(), 'size': 7,
        'parameters': 1234, 'macs': 2.5e9, 'tile_size': 256, 'trained_on': 'NUDT-SIRST',
        'licence': 'Apache-2.0', 'scores': [score], 'training': {'seed': 0},
    }  # fmt: skip
    (tmp_path / 'model.json').write_text(json.dumps(content))
    return tmp_path


def test_show_and_download_a_model_of_a_folder(model, capsys):
    assert main(['models', 'show', str(model)]) == 0
    out = capsys.readouterr().out
    for part in ('tiny: a tiny model', 'nudt/dnanet_50_50_test', '94.25', '1,234', '2.50 G'):
        assert part in out
    assert max(map(len, out.splitlines())) <= 80
    assert main(['models', 'download', str(model)]) == 0
    assert capsys.readouterr().out == f'{model}/weights.pth\n'
    (model / 'weights.pth').write_bytes(b'changed')
    assert main(['models', 'download', str(model)]) == 1
    assert 'is not the published file' in capsys.readouterr().err


def test_list_shows_names_and_scores(model, capsys, monkeypatch):
    from mmirstd.weights import find_model, registry

    monkeypatch.setattr(registry, '_published', lambda: {'tiny': find_model(model)})
    assert main(['models', 'list']) == 0
    out = capsys.readouterr().out
    assert 'NUDT-SIRST 94.25' in out
    assert max(map(len, out.splitlines())) <= 80
    assert main(['models', 'list', '--names']) == 0
    assert capsys.readouterr().out == 'tiny\n'
    assert main(['models', 'list', 'none*']) == 0
    assert 'no published weights match' in capsys.readouterr().out


def test_an_unknown_model_is_an_error_with_the_names(capsys):
    assert main(['models', 'show', 'absent']) == 1
    assert "no weights are called 'absent'" in capsys.readouterr().err
