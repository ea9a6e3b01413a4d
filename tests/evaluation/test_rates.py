"""Ratios, bins and the table."""

import math
import re
import subprocess
import sys

import numpy as np
import pytest

from mmirstd.evaluation.counts import ImageCounts, TargetCounts, count_image
from mmirstd.evaluation.output import format_report
from mmirstd.evaluation.rates import as_numbers, score_images


def image(areas, hits, **changes):
    """Counts of a 10 x 10 image with targets of ``areas`` of which ``hits`` are found."""
    counts = {'name': 'a', 'height': 10, 'width': 10, 'pixels': 100, 'tp': 6, 'fp': 2, 'fn': 4}
    counts |= {'target_areas': areas, 'predictions': 3}
    counts['matches'] = {'optimal': TargetCounts(hits, 2, 3 - sum(hits))}
    return ImageCounts(**(counts | changes))


def test_ratios_follow_from_the_counts():
    scores = score_images(
        [image((3, 7), (True, False)), image((5,), (True,), tp=0, fp=0)], 'optimal'
    )
    assert (scores.tp, scores.fp, scores.fn) == (6, 2, 8)
    assert scores.iou == 6 / 16
    assert scores.niou == (6 / 12 + 0 / 4) / 2
    assert (scores.precision, scores.recall) == (6 / 8, 6 / 14)
    assert scores.f1 == 12 / 22
    assert scores.pd == 2 / 3
    assert scores.fa == 4 / 200
    assert scores.target_precision == 2 / 6
    assert scores.target_f1 == 4 / 9


def test_size_bins_hold_every_target_once():
    areas = (1, 9, 10, 24, 25, 80, 81, 500)
    hits = (True, False, True, True, False, True, False, True)
    scores = score_images([image(areas, hits)], 'optimal')
    assert [(b.label, b.targets, b.hits) for b in scores.by_size] == [
        ('1-9', 2, 1),
        ('10-24', 2, 2),
        ('25-80', 2, 1),
        ('81+', 2, 1),
    ]
    scores = score_images([image(areas, hits)], 'optimal', size_edges=[10])
    assert [(b.label, b.targets) for b in scores.by_size] == [('1-9', 2), ('10+', 6)]
    assert sum(b.hits for b in scores.by_size) == scores.hits


def test_names_of_the_numbers_suit_every_logger():
    # MLflow takes letters, digits and _-./ and spaces only.
    hits = (True,) * 4
    numbers = as_numbers([score_images([image((1, 10, 25, 81), hits)], 'optimal')])
    assert all(re.fullmatch(r'[\w./ -]+', name) for name in numbers)
    assert [name for name in numbers if name.endswith('px')] == [
        'Pd_1-9px',
        'Pd_10-24px',
        'Pd_25-80px',
        'Pd_over80px',
    ]
    assert 'Pd_1-9px' not in as_numbers([score_images([image((10,), (True,))], 'optimal')])


def test_order_of_images_does_not_change_a_digit():
    random = np.random.default_rng(0)
    images = [
        count_image(random.random((9, 9)) < 0.3, random.random((9, 9)) < 0.3) for _ in range(50)
    ]
    assert score_images(images, 'optimal') == score_images(images[::-1], 'optimal')


def test_undefined_ratios_are_nan():
    nothing = image((), (), tp=0, fp=0, fn=0, predictions=0)
    scores = score_images([nothing], 'optimal', empty_iou='skip')
    for ratio in (scores.iou, scores.niou, scores.pd, scores.precision, scores.recall, scores.f1):
        assert math.isnan(ratio)


def test_sizes_are_stated():
    images = [image((), (), height=h, width=w) for h, w in ((10, 10), (4, 30), (10, 10))]
    scores = score_images(images, 'optimal')
    assert (scores.smallest, scores.largest, scores.sizes) == ((10, 10), (4, 30), 2)
    assert '2 sizes from 10x10 to 4x30' in format_report([scores])


def test_every_printed_ratio_can_be_derived_from_the_returned_counts():
    random = np.random.default_rng(1)
    images = [
        count_image(
            random.random((20, 30)) < 0.1, random.random((20, 30)) < 0.1, matchings=['legacy']
        )
        for _ in range(5)
    ]
    numbers = as_numbers([score_images(images, 'legacy')])
    tp, fp, fn = (numbers[name] for name in ('tp', 'fp', 'fn'))
    assert numbers['IoU'] == pytest.approx(100 * tp / (tp + fp + fn))
    assert numbers['Precision'] == pytest.approx(100 * tp / (tp + fp))
    assert numbers['Recall'] == pytest.approx(100 * tp / (tp + fn))
    assert numbers['Pd'] == pytest.approx(100 * numbers['hits'] / numbers['targets'])
    assert numbers['Fa'] == pytest.approx(1e6 * numbers['false_pixels'] / numbers['pixels'])
    assert numbers['target_Precision'] == pytest.approx(
        100 * numbers['hits'] / numbers['predictions']
    )


def test_ignored_pixels_are_stated():
    gt_mask = np.zeros((10, 10), dtype=bool)
    ignored = gt_mask.copy()
    ignored[0] = True
    scores = score_images([count_image(gt_mask, gt_mask, ignored=ignored)], 'optimal')
    assert '90 pixels (10 more ignored)' in format_report([scores])


def test_a_convention_that_was_not_counted_is_an_error():
    with pytest.raises(ValueError, match=r"a was not counted by matching='greedy' but by optimal"):
        score_images([image((), ())], 'greedy')
    with pytest.raises(ValueError, match='no images'):
        score_images([], 'optimal')


def test_the_core_needs_no_openmmlab_package_and_no_torch():
    blocked = 'import sys; sys.modules.update(mmengine=None, mmcv=None, mmseg=None, torch=None)\n'
    modules = ['counts', 'curves', 'folder', 'matching', 'output', 'rates', 'scorer']
    imports = '\n'.join(f'import mmirstd.evaluation.{module}' for module in modules)
    subprocess.run([sys.executable, '-c', blocked + imports], check=True)
