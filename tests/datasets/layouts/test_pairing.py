import cv2
import numpy as np

from mmirstd.datasets.checking import check_dataset
from mmirstd.datasets.layouts.pairing import FileIndex


def _write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros((9, 9), np.uint8)
    image[4, 4] = 255
    cv2.imwrite(str(path), image)


def test_linked_files_and_folders_are_found(tmp_path):
    for name in ('a', 'night/b'):
        _write(tmp_path / f'disk/images/{name}.png')
        _write(tmp_path / f'disk/masks/{name}.png')
    (tmp_path / 'disk/images/night/loop').symlink_to(tmp_path / 'disk/images')
    (tmp_path / 'set').mkdir()
    for folder in ('images', 'masks'):
        (tmp_path / 'set' / folder).mkdir()
        (tmp_path / 'set' / folder / 'a.png').symlink_to(tmp_path / 'disk' / folder / 'a.png')
        (tmp_path / 'set' / folder / 'night').symlink_to(tmp_path / 'disk' / folder / 'night')
    index = FileIndex(tmp_path / 'set/masks')
    assert index.stems() == ['a', 'night/b']
    report = check_dataset(tmp_path / 'set', layout='pairs')
    assert len(report.facts) >= 2
    (tmp_path / 'disk/images/night/loop').unlink()
    report = check_dataset(tmp_path / 'set')
    assert not report.problems
    assert len(report.facts) == 2


def test_links_that_lead_nowhere_are_problems(tmp_path):
    for folder in ('images', 'masks'):
        _write(tmp_path / folder / 'a.png')
    (tmp_path / 'images/b.png').symlink_to(tmp_path / 'gone.png')
    (tmp_path / 'masks/b.png').symlink_to(tmp_path / 'gone.png')
    (problem,) = check_dataset(tmp_path).problems
    assert 'images/b.png is a link to' in problem
