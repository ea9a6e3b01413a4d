"""Which targets are hits, misses, false alarms in pictures: the metric's rule."""

import numpy as np
import pytest

from mmirstd.visualization.outcomes import FALSE_ALARM, HIT, MISS, UNSCORED, judge


def _mask(*pixels, shape=(20, 30)):
    mask = np.zeros(shape, np.uint8)
    for row, column in pixels:
        mask[row, column] = 1
    return mask


def test_hit_miss_and_false_alarm():
    gt_mask = _mask((2, 3), (10, 20), (10, 21))
    prediction = _mask((3, 4), (15, 5))
    found = {outcome.kind: outcome for outcome in judge(gt_mask, prediction)}
    assert set(found) == {HIT, MISS, FALSE_ALARM}
    assert found[HIT].centre == (3.0, 2.0)
    assert found[HIT].box == (3, 2, 5, 4)  # target and detection together
    assert found[MISS].box == (20, 10, 22, 11)
    assert found[MISS].centre == (20.5, 10.0)
    assert found[MISS].area == 2
    assert found[FALSE_ALARM].centre == (5.0, 15.0)


@pytest.mark.parametrize(('shift', 'kinds'), [(2, [HIT]), (3, [MISS, FALSE_ALARM])])
def test_three_pixels_are_too_far(shift, kinds):
    outcomes = judge(_mask((5, 5)), _mask((5, 5 + shift)))
    assert [outcome.kind for outcome in outcomes] == kinds


def test_diagonal_neighbours_are_one_target():
    (outcome,) = judge(_mask((4, 4), (5, 5)), _mask((4, 4), (5, 5)))
    assert outcome.kind == HIT
    assert outcome.area == 2


def test_one_mask_is_not_judged():
    gt_mask = _mask((2, 2))
    assert [outcome.kind for outcome in judge(gt_mask, None)] == [UNSCORED]
    assert [outcome.kind for outcome in judge(None, gt_mask)] == [UNSCORED]
    assert judge(None, None) == []
    assert judge(_mask(), _mask()) == []


def test_outcomes_know_their_own_pixels():
    """A target whose box surrounds another one."""
    gt_mask = _mask((2, 2), (2, 8), *((8, column) for column in range(2, 9)), *(
        (row, 2) for row in range(2, 9)))  # fmt: skip
    prediction = _mask((15, 20), (2, 8))
    outcomes = judge(gt_mask, prediction)
    assert [outcome.kind for outcome in outcomes] == [HIT, MISS, FALSE_ALARM]
    hit, miss, alarm = outcomes
    assert hit.target.tolist() == hit.detection.tolist() == [2 * 30 + 8]
    assert len(miss.target) == 13
    assert miss.detection is None
    assert alarm.target is None
    assert alarm.detection.tolist() == [15 * 30 + 20]
    (only,) = judge(None, _mask((3, 3)))
    assert (only.target, only.detection.tolist()) == (None, [93])


def test_sizes_must_agree():
    with pytest.raises(ValueError, match='same size'):
        judge(_mask(), _mask(shape=(20, 31)))
