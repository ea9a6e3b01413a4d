"""benchmarks/metric_speed.py runs both countings and refuses to time unequal ones."""

import cv2
import numpy as np
import pytest

from benchmarks.metric_speed import main, time_both


def test_counts_agree_and_ours_is_faster(capsys):
    # The tool asks for a factor of 10 by default; a few images on a busy machine prove less.
    assert main(['--images', '48', '--repeats', '3', '--at-least', '3']) == 0
    out = capsys.readouterr().out
    assert '48 images' in out
    assert 'ratio of the medians' in out


def test_a_ratio_that_is_not_reached_fails(capsys):
    assert main(['--images', '8', '--repeats', '1', '--at-least', '1e9']) == 1
    assert 'expected a ratio' in capsys.readouterr().err


def test_real_masks(tmp_path, capsys):
    for number in range(3):
        mask = np.zeros((40, 50), np.uint8)
        mask[10:14, 10 : 12 + number] = 255
        cv2.imwrite(str(tmp_path / f'{number}.png'), mask)
    assert main(['--masks', str(tmp_path), '--repeats', '1', '--at-least', '0']) == 0
    assert '3 images, 3 targets' in capsys.readouterr().out
    assert main(['--masks', str(tmp_path / 'none')]) == 2


def test_unequal_counts_are_an_error():
    time_both.__globals__['our_counts'] = lambda prediction, gt_mask: (0, 0, 0, 0, 0, 0)
    gt_mask = np.ones((8, 8), dtype=bool)
    with pytest.raises(RuntimeError, match='image 0'):
        time_both([(gt_mask, gt_mask)], 1)
