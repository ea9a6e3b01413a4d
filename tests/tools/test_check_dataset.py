"""tools/check_dataset.py: table, file names and exit codes."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TOOL = Path(__file__).parents[2] / 'tools' / 'check_dataset.py'
main = runpy.run_path(str(TOOL))['main']


@pytest.fixture
def root(tmp_path):
    """Three pairs named [1], [2], [3] (brackets are markup to rich) in images/ and masks/."""
    for kind in ('images', 'masks'):
        (tmp_path / kind).mkdir()
        for number in (1, 2, 3):
            array = np.zeros((20, 30), np.uint8)
            array[4, 3 : 3 + number] = 255
            Image.fromarray(array).save(tmp_path / kind / f'[{number}].png')
    return tmp_path


def _words(text):
    return ' '.join(text.replace('│', ' ').split())


def test_table_and_success(root, capsys):
    assert main([str(root), '--resize', '20']) == 0
    out = _words(capsys.readouterr().out)
    for part in (
        'layout pairs: images/X.png, masks/X.png',
        'images 3 ',
        '30 x 20 (3)',
        'targets (8-connected) 3 ',
        'targets after resize',
        'min 1, median 2, max 3',
        '1 px: 1, 2-9 px: 2',
        'OK',
    ):
        assert part in out


def test_problems_are_named_and_give_exit_code_1(root, capsys):
    (root / 'images/[2].png').write_bytes(b'')
    (root / 'masks/[3].png').unlink()
    assert main([str(root)]) == 1
    out = capsys.readouterr().out
    assert f'problem: {root}/images/[2].png: the file is empty' in out
    assert f'problem: image without mask: {root}/images/[3].png' in out
    assert 'FAILED' in out


def test_lists_and_exclusions(root, capsys):
    (root / 'test.txt').write_text('[1]\n[3]\n')
    (root / 'bad.txt').write_text('[3]\n')
    assert main([str(root), '--split', 'test.txt', '--exclude', str(root / 'bad.txt')]) == 0
    out = _words(capsys.readouterr().out)
    assert 'images 1 ' in out
    assert 'left out as requested 1 ' in out


def test_own_folders(root, capsys):
    (root / 'images').rename(root / 'ir')
    (root / 'masks').rename(root / 'gt')
    assert main([str(root), '--image-dir', 'ir', '--mask-dir', 'gt']) == 0
    assert 'images in ir, masks in gt' in _words(capsys.readouterr().out)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['nowhere'], 'dataset folder not found'),
        (['.', '--layout', 'coco'], "no layout is called 'coco'"),
        (['.', '--split', 'nothing.txt'], 'list of images not found'),
        (['.', '--dataset', 'coco'], "no dataset is called 'coco'"),
    ],
)
def test_what_is_not_understood_gives_exit_code_2(root, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(root)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_help(capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--help'])
    assert 'failed, or `check` found problems' in _words(capsys.readouterr().out)


def test_one_reason_is_not_repeated_for_hundreds_of_files(root, capsys):
    for number in range(60):
        for kind in ('images', 'masks'):
            (root / kind / f'x{number}.png').write_bytes(b'')
    assert main([str(root)]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if 'problem:' in line]
    assert len(lines) == 21
    assert '40 more files for the same reason: the file is empty (N bytes)' in lines[-1]
