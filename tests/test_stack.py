"""Which OpenMMLab family is installed: complete, absent, incomplete, mixed."""

import subprocess
import sys
from importlib import metadata

import pytest

from mmirstd import stack

ONEDL = ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation')
OPENMMLAB = ('mmengine', 'mmcv', 'mmsegmentation')


@pytest.fixture
def install(monkeypatch):
    def set_installed(*names: str) -> None:
        def version(name):
            if name in names:
                return '1.0'
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr(stack.metadata, 'version', version)

    return set_installed


@pytest.mark.parametrize(('names', 'family'), [(ONEDL, 'onedl'), (OPENMMLAB, 'openmmlab')])
def test_complete_family_is_recognised(install, names, family):
    install(*names, 'numpy')
    assert stack.installed_family() == family


def test_this_environment_has_exactly_one_family():
    assert stack.installed_family() in ('onedl', 'openmmlab')


def test_absent_family_is_one_clear_message(install):
    install('numpy')
    with pytest.raises(stack.StackError, match=r'`mmirstd\[onedl\]`') as caught:
        stack.installed_family()
    assert 'mmengine, mmcv and mmsegmentation' in str(caught.value)


def test_incomplete_family_names_what_is_missing(install):
    install('onedl-mmengine', 'onedl-mmcv')
    with pytest.raises(
        stack.StackError, match='needs onedl-mmsegmentation in addition to onedl-mmengine'
    ):
        stack.installed_family()


@pytest.mark.parametrize('extra', ['mmcv', 'mmengine', 'mmsegmentation'])
def test_mixed_families_are_refused_with_both_named(install, extra):
    install(*ONEDL, extra)
    with pytest.raises(stack.StackError, match='mixed') as caught:
        stack.installed_family()
    message = str(caught.value)
    assert extra in message
    assert 'onedl-mmengine' in message
    assert 'uninstall' in message


def fails(code: str) -> str:
    """What a fresh process writes to stderr before it fails."""
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 1
    return done.stderr


def test_a_process_without_any_family_gets_the_message():
    stderr = fails(
        'import sys\n'
        'from importlib import metadata\n'
        'sys.modules["mmengine"] = None\n'
        'def version(name): raise metadata.PackageNotFoundError(name)\n'
        'metadata.version = version\n'
        'import mmirstd.apis\n'
        'mmirstd.apis.IRSTDInferencer\n'
    )
    assert 'mmirstd needs mmengine, mmcv and mmsegmentation' in stderr


def test_the_message_survives_the_registries_of_mmengine():
    stderr = fails(
        'from importlib import metadata\n'
        'from mmengine.registry import HOOKS\n'
        'metadata.version = lambda name: "1.0"\n'
        'HOOKS.build({"type": "mmirstd.EpochSeedHook"})\n'
    )
    assert 'mixed OpenMMLab stack' in stderr
