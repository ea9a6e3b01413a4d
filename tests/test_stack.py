"""Which OpenMMLab family is installed: complete, absent, incomplete, mixed."""

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
    with pytest.raises(ImportError, match=r"pip install 'mmirstd\[onedl\]'") as caught:
        stack.installed_family()
    assert 'mmengine, mmcv and mmsegmentation' in str(caught.value)


def test_incomplete_family_names_what_is_missing(install):
    install('onedl-mmengine', 'onedl-mmcv')
    with pytest.raises(ImportError, match='needs onedl-mmsegmentation beside onedl-mmengine'):
        stack.installed_family()


@pytest.mark.parametrize('extra', ['mmcv', 'mmengine', 'mmsegmentation'])
def test_mixed_families_are_refused_with_both_named(install, extra):
    install(*ONEDL, extra)
    with pytest.raises(ImportError, match='mixed') as caught:
        stack.installed_family()
    message = str(caught.value)
    assert extra in message
    assert 'onedl-mmengine' in message
    assert 'uninstall' in message
