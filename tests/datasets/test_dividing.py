import hashlib
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmirstd.datasets.splits.dividing import divide_names, group_names

TOOL = runpy.run_path(str(Path(__file__).parents[2] / 'tools/split_dataset.py'))['main']
SHARES = {'train': 0.6, 'val': 0.2, 'test': 0.2}


def test_every_image_is_in_one_list_and_later_images_move_none():
    names = [f'frame_{k}' for k in range(2000)]
    divided = divide_names(group_names(names), SHARES)
    assert sorted(name for part in divided.values() for name in part) == sorted(names)
    for part, share in SHARES.items():
        assert abs(len(divided[part]) / 2000 - share) < 0.04  # 3.6 deviations of the largest
    fewer = divide_names(group_names(names[::2]), SHARES)
    for part, chosen in fewer.items():
        assert set(chosen) <= set(divided[part])
    assert divide_names(group_names(names), SHARES, salt='x') != divided


def test_the_division_is_the_same_everywhere():
    names = [f'{k}' for k in range(40)]
    places = {name: int(hashlib.sha256(name.encode()).hexdigest()[:16], 16) for name in names}
    test = sorted(name for name in names if places[name] >= 0.8 * 2**64)
    assert divide_names(group_names(names), SHARES)['test'] == test


@pytest.mark.parametrize(
    ('by', 'groups'),
    [
        ('name', {'a/x_1', 'a/x_2', 'b/x_1', 'b/y_9z'}),
        ('folder', {'a', 'b'}),
        ('sequence', {'a/x_#', 'b/x_#', 'b/y_#z'}),
        (r'^(\w)/', {'a', 'b'}),
        (r'[xy]', {'x', 'y'}),
    ],
)
def test_groups(by, groups):
    names = ['a/x_1', 'a/x_2', 'b/x_1', 'b/y_9z']
    assert set(group_names(names, by).values()) == groups


def test_groups_stay_together():
    names = [f'video{k // 50}_{k % 50:03d}' for k in range(2000)]
    divided = divide_names(group_names(names, 'sequence'), SHARES)
    videos = [{name.partition('_')[0] for name in part} for part in divided.values()]
    assert sum(map(len, videos)) == 40


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((['a', 'b'], 'sequence', SHARES), 'would be empty'),
        (([f'{k}' for k in range(99)] + ['a\nb'], 'name', SHARES), r"'a\\nb' cannot be written"),
        (([f'{k}' for k in range(99)] + ['\udcff'], 'name', SHARES), 'printable UTF-8'),
        ((['a', 'b'], '(', SHARES), 'not a regular expression'),
        ((['a', 'b'], r'\d', SHARES), "no part of the name 'a'"),
        ((['a', 'b'], 'name', {'train': 0.5, 'val': 0.2}), 'sum to 1'),
    ],
)
def test_what_cannot_be_divided_is_refused(arguments, message):
    names, by, shares = arguments
    with pytest.raises(ValueError, match=message):
        divide_names(group_names(names, by), shares)


@pytest.fixture
def root(tmp_path):
    for folder in ('images', 'masks'):
        (tmp_path / folder).mkdir()
        for k in range(40):
            image = np.full((8, 8), k, np.uint8)
            cv2.imwrite(str(tmp_path / folder / f'{k}.png'), image)
    return tmp_path


def _lists(folder):
    return {part: (folder / f'{part}.txt').read_text().split() for part in SHARES}


def test_copies_never_leak(root, capsys):
    for k in range(20):  # under another name and in another format
        image = cv2.imread(str(root / f'images/{k}.png'), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(root / f'images/copy_{k}.bmp'), image)
        cv2.imwrite(str(root / f'masks/copy_{k}.png'), image)
    assert TOOL([str(root), '--out', str(root / 'lists')]) == 0
    assert '20 images are copies of others' in capsys.readouterr().out
    lists = _lists(root / 'lists')
    assert sum(map(len, lists.values())) == 60
    for names in lists.values():
        for name in names:
            if name.startswith('copy_'):
                assert name.removeprefix('copy_') in names


def test_lists_are_never_replaced(root, capsys):
    words = [str(root), '--out', str(root / 'lists'), '--salt', 'a']
    assert TOOL(words) == 0
    before = _lists(root / 'lists')
    words[-1] = 'b'
    assert TOOL(words) == 1
    assert 'train.txt' in capsys.readouterr().err
    assert _lists(root / 'lists') == before
    assert TOOL([str(root), '--out', str(root / 'other'), '--salt', 'a']) == 0
    assert _lists(root / 'other') == before


def test_images_without_a_mask_are_reported_or_left_out(root, capsys):
    (root / 'masks/7.png').unlink()
    words = [str(root), '--out', str(root / 'lists')]
    assert TOOL(words) == 1
    message = capsys.readouterr().err
    assert '7.png' in message
    assert '--allow-missing' in message
    assert not (root / 'lists').exists()
    assert TOOL([*words, '--allow-missing']) == 0
    assert '1 image without a mask left out' in capsys.readouterr().out
    names = [name for part in _lists(root / 'lists').values() for name in part]
    assert len(names) == 39
    assert '7' not in names
