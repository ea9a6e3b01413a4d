"""The scripts that set up an environment: what they refuse, and how they say so.

That they work is shown by every run of .ci/run on a clean checkout.
"""

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = [*sorted((REPOSITORY / 'tools').glob('*.sh')), REPOSITORY / '.ci' / 'run']


def bash(script: Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ['bash', str(script)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def setup_env() -> Path:
    return REPOSITORY / 'tools' / 'setup_env.sh'


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse_and_stop_at_errors(script):
    subprocess.run(['bash', '-n', str(script)], check=True)
    assert 'set -euo pipefail' in script.read_text()
    assert os.access(script, os.X_OK)


def test_wrong_python_is_named(setup_env, tmp_path):
    old = tmp_path / 'python'
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = bash(setup_env, tmp_path, PYTHON=str(old), MMIRSTD_VENV=str(tmp_path / 'venv'))
    assert done.returncode == 1
    assert 'Python 3.10, 3.11, 3.12 or 3.13 is needed' in done.stderr
    assert 'Python 3.8.1' in done.stderr
    assert not (tmp_path / 'venv').exists()


def test_a_folder_that_is_no_environment_is_left_alone(setup_env, tmp_path):
    (tmp_path / 'venv').mkdir()
    (tmp_path / 'venv' / 'thesis.tex').touch()
    done = bash(setup_env, tmp_path, MMIRSTD_VENV=str(tmp_path / 'venv'))
    assert done.returncode == 1
    assert 'is not a virtual environment' in done.stderr
    assert (tmp_path / 'venv' / 'thesis.tex').exists()


def test_outside_of_a_checkout_it_says_so(setup_env, tmp_path):
    (tmp_path / 'tools').mkdir()
    copy = tmp_path / 'tools' / 'setup_env.sh'
    copy.write_text(setup_env.read_text())
    done = bash(copy, tmp_path)
    assert done.returncode == 1
    assert 'is not a checkout' in done.stderr


@pytest.mark.slow
def test_offline_ends_with_the_way_out_and_can_be_repeated(setup_env, tmp_path):
    venv = tmp_path / 'a folder' / 'venv'
    (tmp_path / 'empty').mkdir()
    offline = {
        'PIP_CONFIG_FILE': os.devnull,
        'PIP_NO_INDEX': '1',
        'PIP_FIND_LINKS': str(tmp_path / 'empty'),
    }
    for _ in range(2):
        done = bash(setup_env, tmp_path, MMIRSTD_VENV=str(venv), **offline)
        assert done.returncode == 1
        assert 'The installation failed' in done.stderr
        assert 'PIP_FIND_LINKS=DIR' in done.stderr
        assert not (venv / '.mmirstd-installed').exists()


def test_every_pin_is_exact_and_has_a_reason_or_says_why_above():
    for name in ('default.txt', 'no_deps.txt'):
        lines = (REPOSITORY / 'requirements' / name).read_text().splitlines()
        pins = [line for line in lines if line and not line.startswith('#')]
        assert pins
        assert all('==' in pin for pin in pins)


def test_torch_and_torchvision_are_installed_by_one_command():
    pins = (REPOSITORY / 'requirements' / 'default.txt').read_text()
    assert '\ntorch==' in pins
    assert '\ntorchvision==' in pins
    commands = (REPOSITORY / 'tools' / 'setup_env.sh').read_text()
    assert commands.count('-r "$root/requirements/default.txt"') == 1
    assert 'install torch' not in commands
