import numpy as np
import pytest

from mmirstd.inference.targets import Target
from mmirstd.inference.tracking import HISTORY, Tracker, associate


def target(x, y):
    return Target(x, y, (int(x), int(y), int(x) + 1, int(y) + 1), 1, 0.9)


def numbers(tracker, *points):
    return [track.number for track in tracker.update([target(x, y) for x, y in points])]


def test_as_many_pairs_as_possible_then_least_distance():
    # The nearest pair (1, 0) alone would leave the other two unpaired.
    assert associate([(0, 0), (4, 0)], [(3, 0), (9, 0)], 5) == [(0, 0), (1, 1)]
    assert associate([(0, 0), (10, 0)], [(10.5, 0), (0.5, 0)], 5) == [(0, 1), (1, 0)]
    assert associate([(0, 0)], [(5, 0)], 5) == [(0, 0)]
    assert associate([(0, 0)], [(5.001, 0)], 5) == []
    assert associate([], [(1, 1)], 5) == []


def test_crossing_targets_keep_their_numbers():
    tracker = Tracker(max_distance=6)
    for step in range(21):
        # One moves right, one left, on rows 1 px apart; they cross at step 10.
        assert numbers(tracker, (4 * step, 50), (80 - 4 * step, 51)) == [1, 2]


def test_a_fast_target_is_followed_by_its_velocity():
    tracker = Tracker(max_distance=5)
    for x in np.cumsum([0, 4, 6, 8, 10, 12]):
        assert numbers(tracker, (x, 0)) == [1]


def test_gaps_are_bridged_up_to_the_limit():
    tracker = Tracker(max_distance=4, max_gap=2)
    assert numbers(tracker, (0, 0)) == [1]
    assert numbers(tracker, (3, 0)) == [1]
    assert numbers(tracker) == []
    assert numbers(tracker) == []
    assert numbers(tracker, (12, 0)) == [1]  # predicted 3 px per frame
    for _ in range(3):
        assert numbers(tracker) == []
    assert numbers(tracker, (24, 0)) == [2]
    assert tracker.count == 2
    assert [list(track.frames) for track in tracker.active] == [[8]]  # the first one is forgotten


def test_memory_does_not_grow_with_the_sequence():
    tracker = Tracker(max_gap=1)
    for step in range(500):
        # One target that stays, and one per frame that is never seen again.
        tracks = tracker.update([target(5, 5), target(100 + 50 * (step % 7), 40 * (step % 11))])
    assert tracker.count > 400
    assert len(tracker.active) <= 4
    assert tracks[0].seen == 500
    assert len(tracks[0].frames) == len(tracks[0].targets) == HISTORY
    assert tracks[0].frames[-1] == 499


def test_new_targets_begin_new_tracks():
    tracker = Tracker()
    assert numbers(tracker, (5, 5)) == [1]
    assert numbers(tracker, (100, 100), (6, 5)) == [2, 1]


@pytest.mark.parametrize(
    ('options', 'message'), [({'max_distance': 0}, 'max_distance=0'), ({'max_gap': -1}, 'max_gap')]
)
def test_senseless_options(options, message):
    with pytest.raises(ValueError, match=message):
        Tracker(**options)
