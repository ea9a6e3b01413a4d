"""The built wheel in an environment of its own: `mim train mmirstd RECIPE` from anywhere."""

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
    # What onedl-mim 0.5.1 takes for the package: the folder of the first file in sorted order.
    # A console script would come first ('../../../bin/...') and break `mim train mmirstd`.
    assert not any(name.endswith('entry_points.txt') for name in names)
    first = min(names).partition('/')[0]
    for name in ('model-index.yml', 'configs/simirstd_sirst.py', 'tools/train.py'):
        assert f'{first}/.mim/{name}' in names
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


def test_train_and_test_a_recipe_by_name_from_an_empty_folder(mim, tmp_path):
    for split in ('train', 'val', 'test'):
        write_images(tmp_path / 'data' / 'synthetic' / split, 2, size=128)
    recipe = 'simirstd_synthetic.py'
    options = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1', 'param_scheduler.1.end=1']
    options += ['param_scheduler.1.T_max=1']
    train = [*mim, 'train', 'mmirstd', recipe, '--work-dir', 'work', '--cfg-options', *options]
    output = run_alone(train, tmp_path)
    assert '/.mim/configs/simirstd_synthetic.py' in output
    (best,) = (tmp_path / 'work').glob('best_irstd_IoU_*.pth')
    test = [*mim, 'test', 'mmirstd', recipe, '--checkpoint', best, '--work-dir', 'work/test']
    run_alone(test, tmp_path)
    (result,) = (tmp_path / 'work' / 'test').glob('*/*.json')
    scores = json.loads(result.read_text())
    assert scores['irstd/images'] == 2
    assert {'irstd/IoU', 'irstd/nIoU', 'irstd/Pd', 'irstd/Fa'} <= scores.keys()


def test_mim_search_lists_the_recipes(mim, tmp_path):
    output = run_alone([*mim, 'search', 'mmirstd', '--valid-config'], tmp_path)
    assert 'simirstd_nudt' in output
    assert 'step0_sirst' in output
