"""Counting against an independent scikit-image loop, and the properties that must hold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from mask_strategies import mask_pairs, masks
from scipy.optimize import linear_sum_assignment
from skimage import measure

from benchmarks.metric_speed import published_counts
from mmirstd.evaluation.components import find_components
from mmirstd.evaluation.counts import count_image
from mmirstd.evaluation.matching import MATCHINGS, match_targets, near_pairs

FLIPS = {
    'up-down': lambda mask: mask[::-1],
    'left-right': lambda mask: mask[:, ::-1],
    'transposed': lambda mask: mask.T,
    'turned': lambda mask: np.rot90(mask),
}


examples = settings(max_examples=100, deadline=None, derandomize=True)


def totals(counts, matching):
    match = counts.matches[matching]
    return (
        counts.tp,
        counts.fp,
        counts.fn,
        len(counts.target_areas),
        sum(match.hits),
        match.false_pixels,
    )


@examples
@given(masks())
def test_components_are_those_of_skimage_in_its_order(one):
    mask = one[0]
    ours = find_components(mask)
    labels = measure.label(mask, connectivity=2)
    regions = measure.regionprops(labels)
    assert ours.pixels.tolist() == np.flatnonzero(mask).tolist()
    assert (ours.labels + 1).tolist() == labels[mask].tolist()
    assert ours.areas.tolist() == [region.area for region in regions]
    centroids = zip(ours.row_sums / ours.areas, ours.column_sums / ours.areas, strict=True)
    assert list(centroids) == [region.centroid for region in regions]


@pytest.mark.parametrize('seed', range(20))
def test_component_order_on_noise(seed):
    # Dense noise makes long winding components, where the labelling of OpenCV leaves raster order.
    random = np.random.default_rng(seed)
    mask = random.random((64, 61)) < random.uniform(0.05, 0.5)
    labels = measure.label(mask, connectivity=2)
    assert (find_components(mask).labels + 1).tolist() == labels[mask].tolist()


@examples
@given(mask_pairs())
@pytest.mark.parametrize(('matching', 'by_area'), [('legacy', True), ('greedy', False)])
def test_equals_the_published_loop(matching, by_area, pair):
    prediction, gt_mask = pair
    counts = count_image(prediction, gt_mask, matchings=[matching])
    assert totals(counts, matching) == published_counts(prediction, gt_mask, by_area=by_area)


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize(('matching', 'by_area'), [('legacy', True), ('greedy', False)])
def test_equals_the_published_loop_on_crowded_images(matching, by_area, seed):
    random = np.random.default_rng(seed)
    density = random.uniform(0.01, 0.08)
    gt_mask = random.random((48, 56)) < density
    prediction = np.roll(gt_mask, (1, 2), axis=(0, 1)) ^ (random.random(gt_mask.shape) < density)
    counts = count_image(prediction, gt_mask, matchings=[matching])
    assert totals(counts, matching) == published_counts(prediction, gt_mask, by_area=by_area)


@examples
@given(mask_pairs())
@pytest.mark.parametrize('flip', FLIPS)
def test_optimal_does_not_depend_on_orientation(flip, pair):
    prediction, gt_mask = pair
    straight = count_image(prediction, gt_mask)
    flipped = count_image(FLIPS[flip](prediction), FLIPS[flip](gt_mask))
    assert totals(straight, 'optimal') == totals(flipped, 'optimal')
    # Also which sizes are hit, for Pd per target size.
    hits = [
        sorted(zip(counts.target_areas, counts.matches['optimal'].hits, strict=True))
        for counts in (straight, flipped)
    ]
    assert hits[0] == hits[1]


@examples
@given(mask_pairs())
def test_bounds_and_relations(pair):
    prediction, gt_mask = pair
    counts = count_image(prediction, gt_mask, matchings=MATCHINGS)
    assert counts.pixels == gt_mask.size
    assert counts.tp + counts.fn == sum(counts.target_areas) == gt_mask.sum()
    assert counts.tp + counts.fp == prediction.sum()
    for match in counts.matches.values():
        hits = sum(match.hits)
        assert 0 <= hits <= min(len(counts.target_areas), counts.predictions)
        assert match.false_predictions == counts.predictions - hits
        assert 0 <= match.false_pixels <= prediction.sum()
    # The two published programs pair alike and differ in what they call false.
    legacy, greedy = counts.matches['legacy'], counts.matches['greedy']
    assert legacy.hits == greedy.hits
    assert legacy.false_pixels <= greedy.false_pixels


@examples
@given(mask_pairs())
def test_optimal_finds_as_many_hits_as_any_pairing(pair):
    prediction, gt_mask = pair
    targets, predictions = find_components(gt_mask), find_components(prediction)
    near = near_pairs(targets, predictions, 3.0)

    def most_hits(targets_left, taken):
        if not targets_left:
            return 0
        first, *rest = targets_left
        best = most_hits(rest, taken)
        for t, p, _ in near:
            if t == first and p not in taken:
                best = max(best, 1 + most_hits(rest, taken | {p}))
        return best

    found = match_targets(targets, predictions, 'optimal')
    assert len(found.partner) == most_hits(sorted({t for t, _, _ in near}), frozenset())


def test_optimal_takes_the_nearest_and_breaks_ties_by_area():
    gt_mask = np.zeros((20, 20), dtype=bool)
    gt_mask[10, 10] = True
    nearer = np.zeros_like(gt_mask)
    nearer[10, 8] = nearer[10, 12] = nearer[9:12, 12] = True  # 1 px and 3 px, both 2 px away
    match = count_image(nearer, gt_mask).matches['optimal']
    assert (match.hits, match.false_pixels) == ((True,), 1)  # the 3 px component hits
    nearer[10, 8], nearer[10, 9] = False, True  # 1 px now 1 px away
    match = count_image(nearer, gt_mask).matches['optimal']
    assert (match.hits, match.false_pixels) == ((True,), 3)


def test_distance_is_strictly_below_three():
    gt_mask = np.zeros((20, 20), dtype=bool)
    gt_mask[10, 10] = True
    for offset, hit in ((2, True), (3, False)):
        prediction = np.roll(gt_mask, offset, axis=1)
        for match in count_image(prediction, gt_mask, matchings=MATCHINGS).matches.values():
            assert match.hits == (hit,)


@examples
@given(mask_pairs())
def test_order_of_the_components_does_not_matter_to_optimal(pair):
    prediction, gt_mask = pair
    targets, predictions = find_components(gt_mask), find_components(prediction)
    expected = match_targets(targets, predictions, 'optimal')
    reverse = slice(None, None, -1)
    shuffled = match_targets(renumber(targets, reverse), renumber(predictions, reverse), 'optimal')
    assert len(shuffled.partner) == len(expected.partner)
    assert shuffled.false_pixels == expected.false_pixels
    areas = targets.areas.tolist()
    assert sorted(areas[t] for t in expected.partner) == sorted(
        areas[len(areas) - 1 - t] for t in shuffled.partner
    )


def renumber(components, order):
    last = len(components) - 1
    return type(components)(
        components.pixels,
        last - components.labels,
        components.areas[order],
        components.row_sums[order],
        components.column_sums[order],
    )


@pytest.mark.parametrize('matching', MATCHINGS)
def test_empty_masks(matching):
    empty, full = np.zeros((8, 8), dtype=bool), np.ones((8, 8), dtype=bool)
    assert totals(count_image(empty, empty, matchings=[matching]), matching) == (0,) * 6
    assert totals(count_image(empty, full, matchings=[matching]), matching) == (0, 0, 64, 1, 0, 0)
    assert totals(count_image(full, empty, matchings=[matching]), matching) == (0, 64, 0, 0, 0, 64)


@pytest.mark.parametrize('dtype', [bool, np.uint8, np.int64, np.float32])
def test_any_number_type_counts_alike(dtype):
    random = np.random.default_rng(0)
    gt_mask, prediction = random.random((2, 40, 50)) < 0.05
    expected = count_image(prediction, gt_mask)
    assert count_image(prediction.astype(dtype), gt_mask.astype(dtype)) == expected


def test_ignored_pixels_belong_to_nothing():
    gt_mask = np.zeros((10, 10), dtype=bool)
    gt_mask[2:4, 2:4] = True
    prediction = gt_mask.copy()
    prediction[7:9, 7:9] = True
    ignored = np.zeros_like(gt_mask)
    ignored[7:9, 7] = ignored[2, 2] = True
    counts = count_image(prediction, gt_mask, ignored=ignored)
    assert counts.pixels == 100 - 3
    assert (counts.tp, counts.fp, counts.fn, counts.target_areas) == (3, 2, 0, (3,))
    assert counts.matches['optimal'].false_pixels == 2


def opdc_counts(prediction, gt_mask):
    """Hits and false pixels, literally as the module docstring of matching.py tells."""
    targets, predictions = (
        measure.regionprops(measure.label(mask, connectivity=2)) for mask in (gt_mask, prediction)
    )
    pixels = [
        [set(map(tuple, region.coords.tolist())) for region in regions]
        for regions in (targets, predictions)
    ]
    hits, left, free = 0, list(range(len(targets))), list(range(len(predictions)))
    for accept in (
        lambda t, p, distance: (
            len(pixels[0][t] & pixels[1][p]) >= len(pixels[0][t] | pixels[1][p]) / 2
        ),
        lambda t, p, distance: distance < 3,
    ):
        distances = np.array(
            [[math.dist(targets[t].centroid, predictions[p].centroid) for p in free] for t in left]
        ).reshape(len(left), len(free))
        pairs = [
            (left[row], free[column])
            for row, column in zip(*linear_sum_assignment(distances), strict=True)
            if accept(left[row], free[column], distances[row, column])
        ]
        hits += len(pairs)
        left = [t for t in left if t not in {pair[0] for pair in pairs}]
        free = [p for p in free if p not in {pair[1] for pair in pairs}]
    return hits, sum(int(predictions[p].area) for p in free)


@examples
@given(mask_pairs())
def test_opdc_equals_its_description(pair):
    prediction, gt_mask = pair
    counts = count_image(prediction, gt_mask, matchings=['opdc'])
    assert totals(counts, 'opdc')[4:] == opdc_counts(prediction, gt_mask)


@pytest.mark.parametrize('seed', range(40))
def test_equals_pyirstdmetrics(seed):
    # Installed by tools/setup_env.sh; it declares an old numpy, see requirements/no_deps.txt.
    metrics = pytest.importorskip('py_irstd_metrics.targetwise_metrics')
    random = np.random.default_rng(seed)
    gt_mask = random.random((40, 32)) < random.uniform(0.01, 0.1)
    prediction = np.roll(gt_mask, (1, 1), axis=(0, 1)) ^ (random.random(gt_mask.shape) < 0.03)
    counts = count_image(prediction, gt_mask, matchings=['greedy', 'opdc'])
    for ours, theirs in (('greedy', 'DistanceOnlyMatching'), ('opdc', 'OPDCMatching')):
        metric = metrics.MatchingBasedMetrics(1, matching_method=getattr(metrics, theirs)())
        metric.update(prediction.astype(float), gt_mask)
        result = metric.get()
        match = counts.matches[ours]
        assert result['probability_detection'][0] == pytest.approx(np.mean(match.hits))
        assert result['false_alarm'][0] == pytest.approx(match.false_pixels / gt_mask.size)


def test_opdc_matches_by_overlap_beyond_the_distance():
    gt_mask = np.zeros((20, 40), dtype=bool)
    gt_mask[5:9, 5:25] = True
    prediction = np.zeros_like(gt_mask)
    prediction[5:9, 9:25] = prediction[5:9, 9:29] = True  # 4 px off, IoU 16 / 24
    counts = count_image(prediction, gt_mask, matchings=['optimal', 'opdc'])
    assert counts.matches['optimal'].hits == (False,)
    assert counts.matches['opdc'].hits == (True,)
    assert counts.matches['opdc'].false_pixels == 0


def test_errors_name_the_image_and_the_shapes():
    with pytest.raises(ValueError, match=r'a\.png.*\(4, 5\).*\(5, 4\)'):
        count_image(np.zeros((4, 5)), np.zeros((5, 4)), name='a.png')
    with pytest.raises(ValueError, match=r'\(1, 4, 4\)'):
        count_image(np.zeros((1, 4, 4)), np.zeros((1, 4, 4)))
    with pytest.raises(ValueError, match=r"'nearest' is unknown.*legacy, greedy, optimal"):
        count_image(np.zeros((4, 4)), np.zeros((4, 4)), matchings=['nearest'])
