"""Worked examples of docs/reference/metrics.md: one picture per disagreement of evaluators."""

import numpy as np
import pytest

from mmirstd.evaluation.components import find_components
from mmirstd.evaluation.counts import count_image
from mmirstd.evaluation.rates import score_images

SIZE = 256
MATCHINGS = ('legacy', 'greedy', 'optimal', 'opdc')


def draw(*components):
    """A 256 x 256 mask with (top, left, height, width) rectangles."""
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    for top, left, height, width in components:
        mask[top : top + height, left : left + width] = 255
    return mask


def pixel(row, column):
    return (row, column, 1, 1)


TARGET = (20, 20, 2, 2)
THREE_PIXELS = (200, 200, 1, 3)
NEIGHBOURS = [pixel(20, 20), pixel(20, 24)]
OFF_ORDER = [pixel(18, 22), pixel(20, 20)]

# Case -> ground truth, prediction, IoU, FP px, {matching: (Pd, Fa px)}, Fa px of ISNet and IRSAM.
CASES = {
    '1 a far false component as large as the hit one': (
        draw(TARGET),
        draw(TARGET, (100, 100, 2, 2)),
        4 / 8,
        4,
        {'legacy': (1, 0), 'greedy': (1, 4), 'optimal': (1, 4), 'opdc': (1, 4)},
        0,
    ),
    '1b two of them': (
        draw(TARGET),
        draw(TARGET, (100, 100, 2, 2), (200, 200, 2, 2)),
        4 / 12,
        8,
        {'legacy': (1, 0), 'greedy': (1, 8), 'optimal': (1, 8), 'opdc': (1, 8)},
        0,
    ),
    '1c one of the two has three pixels': (
        draw(TARGET),
        draw(TARGET, (100, 100, 2, 2), THREE_PIXELS),
        4 / 11,
        7,
        {'legacy': (1, 3), 'greedy': (1, 7), 'optimal': (1, 7), 'opdc': (1, 7)},
        0.75,
    ),
    '2 the first candidate is not the nearest': (
        draw(*NEIGHBOURS),
        draw(*OFF_ORDER),
        1 / 3,
        1,
        {'legacy': (0.5, 0), 'greedy': (0.5, 1), 'optimal': (1, 0), 'opdc': (1, 0)},
        0,
    ),
    "2' the same, upside down": (
        draw(*NEIGHBOURS)[::-1],
        draw(*OFF_ORDER)[::-1],
        1 / 3,
        1,
        {'legacy': (1, 0), 'greedy': (1, 0), 'optimal': (1, 0), 'opdc': (1, 0)},
        0,
    ),
    '3 beside the target, no overlap, 2.5 px off': (
        draw((50, 50, 3, 3)),
        draw((50, 53, 3, 2)),
        0,
        6,
        {'legacy': (1, 0), 'greedy': (1, 0), 'optimal': (1, 0), 'opdc': (1, 0)},
        0,
    ),
    '4 a long component covers the target': (
        draw((50, 50, 4, 4)),
        draw((50, 50, 4, 12)),
        16 / 48,
        32,
        {'legacy': (0, 48), 'greedy': (0, 48), 'optimal': (0, 48), 'opdc': (0, 48)},
        12,
    ),
    '5 one component over two targets': (
        draw((50, 50, 3, 3), (50, 55, 3, 3)),
        draw((50, 50, 3, 8)),
        18 / 24,
        6,
        {'legacy': (0.5, 0), 'greedy': (0.5, 0), 'optimal': (0.5, 0), 'opdc': (0.5, 0)},
        0,
    ),
    '6 the target falls into two equal halves': (
        draw((50, 50, 5, 5)),
        draw((50, 50, 2, 5), (53, 50, 2, 5)),
        20 / 25,
        0,
        {'legacy': (1, 0), 'greedy': (1, 10), 'optimal': (1, 10), 'opdc': (1, 10)},
        0,
    ),
    '7 two pixels that touch at a corner': (
        draw(pixel(50, 50), pixel(51, 51)),
        draw(pixel(50, 50), pixel(51, 51)),
        1,
        0,
        {'legacy': (1, 0), 'greedy': (1, 0), 'optimal': (1, 0), 'opdc': (1, 0)},
        0,
    ),
}


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('matching', MATCHINGS)
def test_every_convention(case, matching):
    gt_mask, prediction, iou, false_positive, expected, _ = CASES[case]
    counts = count_image(prediction, gt_mask, matchings=[matching])
    scores = score_images([counts], matching)
    pd, fa_pixels = expected[matching]
    assert scores.iou == iou
    assert scores.fp == false_positive
    assert scores.pd == pd
    assert scores.false_pixels == fa_pixels
    assert scores.fa == fa_pixels / SIZE**2


@pytest.mark.parametrize('case', CASES)
def test_fixed_denominator_of_isnet(case):
    gt_mask, prediction, *_, fa_pixels = CASES[case]
    counts = count_image(prediction, gt_mask, matchings=['legacy'])
    scores = score_images([counts], 'legacy', fa_pixels_per_image=512 * 512)
    assert scores.fa * SIZE**2 == fa_pixels


def test_targets_are_8_connected():
    assert len(find_components(draw(pixel(50, 50), pixel(51, 51)))) == 1


@pytest.mark.parametrize('value', [1, 127, 254, 255])
def test_any_grey_value_is_target(value):
    # Dividing by 255 and truncating loses every target below 255.
    gt_mask = draw(TARGET) // 255 * np.uint8(value)
    counts = count_image(draw(TARGET), gt_mask, matchings=['greedy'])
    scores = score_images([counts], 'greedy')
    assert (scores.targets, scores.iou, scores.false_pixels) == (1, 1, 0)


@pytest.mark.parametrize(('empty_iou', 'niou'), [('zero', 0.5), ('one', 1), ('skip', 1)])
def test_niou_of_an_image_with_nothing_to_find(empty_iou, niou):
    perfect = count_image(draw(TARGET), draw(TARGET))
    nothing = count_image(draw(), draw())
    scores = score_images([perfect, nothing], 'optimal', empty_iou=empty_iou)
    assert scores.iou == 1
    assert scores.niou == niou
    assert scores.empty_images == 1
