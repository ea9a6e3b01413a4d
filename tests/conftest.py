"""Fixtures shared by all tests.

Real data and reference fixtures are optional: set ``MMIRSTD_DATA`` and ``MMIRSTD_REFERENCE`` to
their folders. Tests that want them skip with a reason when they are absent.
"""

import os
from pathlib import Path

import pytest


def _folder_from_environment(variable: str, content: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f'{variable} is not set: it names the folder with {content}')
    path = Path(value)
    if not path.is_dir():
        pytest.fail(f'{variable}={value} is not a folder')
    return path.resolve()


@pytest.fixture(scope='session')
def data_root() -> Path:
    """Folder with the real datasets, one sub-folder each (SIRST, NUDT-SIRST, ...)."""
    return _folder_from_environment('MMIRSTD_DATA', 'the real infrared datasets')


@pytest.fixture(scope='session')
def reference_root() -> Path:
    """Folder with the expected outputs of the original networks under procedural weights."""
    return _folder_from_environment('MMIRSTD_REFERENCE', 'outputs of the original networks')
