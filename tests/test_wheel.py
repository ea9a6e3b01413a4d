"""The built wheel in a separate environment: `mim train mmirstd RECIPE` from anywhere."""

import json
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from toy_project import REPOSITORY, run, write_images

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('dist')
    pip = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '--no-index']
    run([*pip, '--wheel-dir', folder, REPOSITORY], cwd=folder)
    (built,) = folder.glob('*.whl')
    return built


def test_wheel_carries_what_mim_and_the_package_need(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        'mmirstd/py.typed',
        'mmirstd/.mim/model-index.yml',
        'mmirstd/.mim/configs/metafile.yml',
        'mmirstd/.mim/configs/simirstd_sirst.py',
        'mmirstd/.mim/configs/_base_/default_runtime.py',
        'mmirstd/.mim/tools/train.py',
        'mmirstd/.mim/tools/test.py',
    ):
        assert name in names
    (entries,) = (name for name in names if name.endswith('.dist-info/entry_points.txt'))
    assert 'mmirstd = mmirstd.cli.main:main' in zipfile.ZipFile(wheel).read(entries).decode()
    lists = [name for name in names if '/datasets/splits/' in name and name.endswith('.txt')]
    assert lists
    assert not any('__pycache__' in name or name.startswith('tests') for name in names)


@pytest.fixture(scope='module')
def python(wheel, tmp_path_factory) -> Path:
    """An interpreter with the wheel installed, and this environment's packages to lean on."""
    folder = tmp_path_factory.mktemp('environment')
    venv.create(folder, with_pip=False)
    paths = {'base': str(folder), 'platbase': str(folder)}
    site = Path(sysconfig.get_path('purelib', scheme='venv', vars=paths))
    # Appended to sys.path: a package of the same name in the new environment comes first. An
    # editable installation of this repository is not carried over, since .pth files of the
    # appended folder are not read.
    # One of them matters from Python 3.12 on: setuptools' distutils, which MMEngine imports.
    shim = "import importlib.util as u; u.find_spec('_distutils_hack') and "
    shim += "__import__('_distutils_hack').add_shim()"
    (site / 'lean_on.pth').write_text(f'{sysconfig.get_path("purelib")}\n{shim}\n')
    python = folder / 'bin' / 'python'
    pip = [sys.executable, '-m', 'pip', '--python', python, 'install', '--no-deps', '--no-index']
    run([*pip, '--force-reinstall', wheel], cwd=folder)
    return python


@pytest.mark.parametrize('script', ['../../../bin/mmirstd', '../../Scripts/mmirstd.exe'])
def test_both_mims_find_configs_and_tools(wheel, script):
    """openmim looks in the folder of the package's name, onedl-mim in that of the first file."""
    names = zipfile.ZipFile(wheel).namelist()
    first = min([*names, script]).partition('/')[0]
    for folder in ('mmirstd', first):
        for name in ('model-index.yml', 'configs/simirstd_sirst.py', 'tools/train.py'):
            assert f'{folder}/.mim/{name}' in names


def test_the_installer_records_the_copy_for_mim_before_the_console_script(python):
    (record,) = python.parents[1].glob('lib/*/site-packages/mmirstd-*.dist-info/RECORD')
    files = [line.partition(',')[0] for line in record.read_text().splitlines()]
    assert '../../../bin/mmirstd' in files
    assert files[0].startswith('+mmirstd/.mim/')


def test_console_script_works_from_an_empty_folder(python, tmp_path):
    script = python.with_name('mmirstd')
    assert run_alone([script, '--version'], tmp_path).startswith('mmirstd ')
    assert 'train a model' in run_alone([python, '-m', 'mmirstd', '--help'], tmp_path)
    assert 'no published weights' in run_alone([script, 'models', 'list', 'nothing*'], tmp_path)


def run_alone(command: list, cwd: Path) -> str:
    """Without this repository on the path."""
    return run(command, cwd=cwd, PYTHONPATH='', MMIRSTD_DATA='').stdout


@pytest.fixture(scope='module')
def mim(python) -> list:
    return [python, '-m', 'mim']


def test_package_is_imported_from_the_environment(python, tmp_path):
    code = 'import mmirstd.registry, json, sys; print(json.dumps(mmirstd.__file__))'
    found = Path(json.loads(run_alone([python, '-c', code], tmp_path).splitlines()[-1]))
    assert python.parents[1] in found.parents
    assert REPOSITORY not in found.parents


def test_train_and_test_a_config_by_name_from_an_empty_folder(mim, tmp_path):
    for split in ('train', 'val', 'test'):
        write_images(tmp_path / 'data' / 'synthetic' / split, 2, size=128)
    config = 'simirstd_synthetic.py'
    options = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1']
    train = [*mim, 'train', 'mmirstd', config, '--work-dir', 'work', '--cfg-options', *options]
    output = run_alone(train, tmp_path)
    assert '/.mim/configs/simirstd_synthetic.py' in output
    (best,) = (tmp_path / 'work').glob('best_irstd_IoU_*.pth')
    test = [*mim, 'test', 'mmirstd', config, '--checkpoint', best, '--work-dir', 'work/test']
    run_alone(test, tmp_path)
    (result,) = (tmp_path / 'work' / 'test').glob('*/*.json')
    scores = json.loads(result.read_text())
    assert scores['irstd/images'] == 2
    assert {'irstd/IoU', 'irstd/nIoU', 'irstd/Pd', 'irstd/Fa'} <= scores.keys()


def test_mim_search_lists_the_configs(mim, tmp_path):
    output = run_alone([*mim, 'search', 'mmirstd', '--valid-config'], tmp_path)
    assert 'simirstd_nudt' in output
    assert 'step0_sirst' in output
