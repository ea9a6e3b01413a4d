"""What mim reads about the configs is current and complete."""

import importlib.util
import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool():
    path = REPOSITORY / 'tools' / 'update_metafiles.py'
    spec = importlib.util.spec_from_file_location('update_metafiles', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_files_are_current(tool, capsys):
    assert tool.main(['--check']) == 0, capsys.readouterr().err


def test_every_config_is_listed_with_its_file(tool):
    models = tool.metafile(REPOSITORY / 'configs')['Models']
    files = {path for path in (REPOSITORY / 'configs').rglob('*.py') if '_base_' not in path.parts}
    assert {REPOSITORY / model['Config'] for model in models} == files
    (sirst,) = (model for model in models if model['Name'] == 'simirstd_sirst')
    assert sirst['In Collection'] == 'SimIRSTD'
    assert sirst['Metadata'] == {'Training Data': 'SIRST', 'Batch Size': 8, 'Epochs': 150}


def test_a_new_config_makes_the_files_outdated(tool, tmp_path, capsys):
    (tmp_path / 'configs').mkdir()
    shutil.copytree(REPOSITORY / 'configs' / '_base_', tmp_path / 'configs' / '_base_')
    shutil.copy(REPOSITORY / 'configs' / 'simirstd_nudt.py', tmp_path / 'configs')
    root = ['--root', str(tmp_path)]
    assert tool.main(root) == 0
    assert tool.main([*root, '--check']) == 0
    shutil.copy(REPOSITORY / 'configs' / 'simirstd_mdfa.py', tmp_path / 'configs')
    assert tool.main([*root, '--check']) == 1
    assert 'run python tools/update_metafiles.py' in capsys.readouterr().err


def test_mim_can_read_them():
    loading = pytest.importorskip('modelindex.load_model_index', reason='comes with mim')
    index = loading.load(str(REPOSITORY / 'model-index.yml'))
    names = {model.name for model in index.models}
    assert {'simirstd_nudt', 'step0_sirst'} <= names
