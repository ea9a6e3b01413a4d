"""The main job of the README, shortened: scenes, training, test, scores and picture."""

import sys

import cv2
import pytest
from toy_project import REPOSITORY, run

from mmirstd.weights import list_models


@pytest.mark.slow
def test_quickstart_ends_with_scores_and_a_picture(tmp_path):
    command = [sys.executable, REPOSITORY / 'tools' / 'quickstart.py']
    command += ['--images', '8', '--test-images', '3', '--epochs', '1', '--pictures', '2']
    # Relative folders, as with the defaults.
    command += ['--data', 'scenes', '--work-dir', 'results']
    done = run(command, cwd=tmp_path)
    for name in (
        'IoU [%]',
        'nIoU [%]',
        'Pd [%]',
        'Fa [1e-6]',
        '3 unseen scenes',
        'trained here',
        *list_models(),
    ):
        assert name in done.stdout
    assert 'mim train mmsegmentation' in done.stdout
    masks = sorted(path.name for path in (tmp_path / 'results' / 'masks').glob('*.png'))
    assert masks == [f'test_{index:05}.png' for index in range(3)]
    picture = cv2.imread(str(tmp_path / 'results' / 'predictions.png'))
    assert picture.shape[0] > 2 * 256  # two rows
    assert picture.shape[1] > 3 * 256  # image, ground truth, prediction
    assert len(list((tmp_path / 'scenes' / 'val' / 'images').iterdir())) == 1


def test_a_failing_step_ends_it_with_its_exit_status(tmp_path):
    (tmp_path / 'file').write_text('not a folder')
    command = [sys.executable, REPOSITORY / 'tools' / 'quickstart.py', '--data', 'file']
    done = run(command, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert 'This step failed with exit status 1' in done.stdout
    assert not (tmp_path / 'work_dirs').exists()
