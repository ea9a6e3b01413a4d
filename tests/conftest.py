"""Fixtures shared by all tests.

Real data are optional: set ``MMIRSTD_DATA`` to their folder. Tests that need them skip with a
reason when they are absent. Outputs of original models: see reference.py.
"""

import os
import signal
import subprocess
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

# Whoever starts the tests in the background may have them ignore Ctrl-C and the end of the
# terminal, and so would all programs that they start.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Tests neither read nor leave behind what was measured on this machine; test_tuning.py turns it on.
os.environ['MMIRSTD_KERNEL_CACHE'] = '0'


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
def bright(tmp_path_factory):
    """(config, checkpoint) of a model that marks pixels above 128, at the native size."""
    from bright_model import CONFIG, write_model

    return write_model(tmp_path_factory.mktemp('bright'), CONFIG.replace('RESIZE', ''))


@pytest.fixture(scope='session')
def bright_square(tmp_path_factory):
    """The same model, behind a pipeline that resizes to 64 x 64."""
    from bright_model import CONFIG, RESIZE, write_model

    return write_model(tmp_path_factory.mktemp('bright_square'), CONFIG.replace('RESIZE', RESIZE))


@pytest.fixture
def image_folder(tmp_path):
    """Three 8-bit images, one 16-bit image, and files that are none."""
    from bright_model import scene

    folder = tmp_path / 'images'
    (folder / 'night').mkdir(parents=True)
    for name in ('frame_2', 'frame_10'):
        cv2.imwrite(str(folder / f'{name}.png'), scene())
    cv2.imwrite(str(folder / 'night' / 'frame_1.png'), scene(targets=[(20, 20)]))
    cv2.imwrite(str(folder / 'deep.tif'), scene(dtype=np.uint16))
    (folder / '.DS_Store').write_bytes(b'\0')
    (folder / '._frame_2.png').write_bytes(b'\0')
    (folder / 'notes.txt').write_text('none')
    return folder


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 12 MB."""
    place = tmp_path / 'disk'
    place.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip('mounting a small disk needs root')
    yield place
    subprocess.run(['umount', str(place)], check=True)
