"""hIoU by hand, its properties, and against PyIRSTDMetrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from mask_strategies import mask_pairs

from mmirstd.evaluation.counts import count_image
from mmirstd.evaluation.output import format_report
from mmirstd.evaluation.rates import as_numbers, score_images


def mask(*boxes, shape=(48, 48)):
    """A mask with filled boxes (row, column, height, width)."""
    filled = np.zeros(shape, dtype=bool)
    for row, column, height, width in boxes:
        filled[row : row + height, column : column + width] = True
    return filled


def ratios(*pairs):
    images = [
        count_image(prediction, gt_mask, matchings=['opdc'], hierarchy=True)
        for prediction, gt_mask in pairs
    ]
    return score_images(images, 'opdc').hierarchy.ratios()


CASES = {
    'perfect': (mask((5, 5, 3, 3)), mask((5, 5, 3, 3)), {'hIoU': 1, 'LocIoU': 1, 'SegIoU': 1}),
    'shifted by one': (
        mask((5, 6, 3, 3)),
        mask((5, 5, 3, 3)),
        {'hIoU': 0.5, 'LocIoU': 1, 'SegIoU': 0.5, 'Seg_ITF': 3 / 12, 'Seg_PCP': 3 / 12},
    ),
    'two targets under one prediction': (
        mask((5, 5, 3, 7)),
        mask((5, 5, 3, 3), (5, 9, 3, 3)),
        {
            'hIoU': 0.5 * 9 / 21,
            'LocIoU': 0.5,
            'SegIoU': 9 / 21,
            'Loc_S2M': 0.5,
            'Seg_MRG': 9 / 21,
            'Seg_ITF': 3 / 21,
        },
    ),
    'a target in two halves': (
        mask((5, 5, 1, 5), (7, 5, 1, 5)),
        mask((5, 5, 3, 5)),
        {'hIoU': 1 / 6, 'LocIoU': 0.5, 'SegIoU': 1 / 3, 'Loc_M2S': 0.5, 'Seg_PCP': 2 / 3},
    ),
    'a false alarm far away': (
        mask((5, 5, 3, 3), (30, 30, 2, 2)),
        mask((5, 5, 3, 3)),
        {'hIoU': 0.5, 'LocIoU': 0.5, 'SegIoU': 1, 'Loc_ITF': 0.5},
    ),
    'one of two not seen': (
        mask((5, 5, 3, 3)),
        mask((5, 5, 3, 3), (30, 30, 2, 2)),
        {'hIoU': 0.5, 'LocIoU': 0.5, 'SegIoU': 1, 'Loc_PCP': 0.5},
    ),
}


@pytest.mark.parametrize('name', CASES)
def test_cases_by_hand(name):
    prediction, gt_mask, expected = CASES[name]
    found = ratios((prediction, gt_mask))
    assert found == pytest.approx({**dict.fromkeys(found, 0.0), **expected})


def test_location_is_pooled_and_segmentation_is_averaged_over_pairs():
    one = (mask((5, 5, 3, 3)), mask((5, 5, 3, 3)))
    three = (
        mask((5, 6, 3, 3), (15, 6, 3, 3), (25, 6, 3, 3), (40, 40, 2, 2)),
        mask((5, 5, 3, 3), (15, 5, 3, 3), (25, 5, 3, 3)),
    )
    found = ratios(one, three)
    assert (found['LocIoU'], found['SegIoU']) == (pytest.approx(4 / 5), pytest.approx(2.5 / 4))


def test_sets_without_pairs():
    nothing = mask()
    assert np.isnan(ratios((nothing, nothing))['hIoU'])
    missed = ratios((nothing, mask((5, 5, 3, 3))))
    assert (missed['hIoU'], missed['Loc_PCP']) == (0, 1)
    assert np.isnan(missed['SegIoU'])
    false = ratios((mask((5, 5, 3, 3)), nothing))
    assert (false['hIoU'], false['Loc_ITF']) == (0, 1)


def test_it_is_reported_only_where_it_was_counted():
    prediction, gt_mask, _ = CASES['shifted by one']
    counted = count_image(prediction, gt_mask, hierarchy=True)
    plain = count_image(prediction, gt_mask)
    scores = score_images([counted], 'optimal')
    assert as_numbers([scores])['hIoU'] == pytest.approx(50)
    assert '| hIoU % | LocIoU % |' in format_report([scores])
    for images in ([plain], [plain, counted]):
        scores = score_images(images, 'optimal')
        assert 'hIoU' not in as_numbers([scores])
        assert 'hIoU' not in format_report([scores])


@settings(max_examples=60, deadline=None)
@given(mask_pairs())
def test_losses_add_up_to_one(pair):
    prediction, gt_mask = pair
    found = ratios((prediction, gt_mask))
    if not (prediction.any() or gt_mask.any()):
        return
    assert sum(v for k, v in found.items() if k.startswith('Loc')) == pytest.approx(1)
    if not np.isnan(found['SegIoU']):
        assert sum(v for k, v in found.items() if k.startswith('Seg')) == pytest.approx(1)
        assert found['hIoU'] == pytest.approx(found['LocIoU'] * found['SegIoU'])


THEIR_NAMES = {
    'LocIoU': 'loc_iou',
    'SegIoU': 'seg_iou',
    'Loc_S2M': 'loc_s2m_err',
    'Loc_M2S': 'loc_m2s_err',
    'Loc_ITF': 'loc_itf_err',
    'Loc_PCP': 'loc_pcp_err',
    'Seg_MRG': 'seg_mrg_err',
    'Seg_ITF': 'seg_itf_err',
    'Seg_PCP': 'seg_pcp_err',
}


def random_pairs(seed):
    """One to three images that all hold targets and predictions."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(random.integers(1, 4)):
        gt_mask = random.random((random.integers(16, 40), 32)) < random.uniform(0.005, 0.08)
        gt_mask[3, 3] = True
        prediction = np.roll(gt_mask, random.integers(-2, 3, 2), (0, 1))
        prediction ^= random.random(gt_mask.shape) < random.uniform(0, 0.04)
        if random.random() < 0.3:
            prediction |= np.roll(prediction, 1, 1)
        prediction[-3, -3] = True
        pairs.append((prediction, gt_mask))
    return pairs


def their_ratios(pairs):
    package = pytest.importorskip('py_irstd_metrics', reason='pip install --no-deps pyirstdmetrics')
    errors = package.HierarchicalIoUBasedErrorAnalysis()
    scores = package.MatchingBasedMetrics(1, matching_method=package.OPDCMatching())
    for prediction, gt_mask in pairs:
        errors.update(prediction.astype(float), gt_mask)
        scores.update(prediction.astype(float), gt_mask)
    found = errors.get()
    return {
        'hIoU': scores.get()['hiou'][0],
        **{ours: found[theirs][0] for ours, theirs in THEIR_NAMES.items()},
    }


@pytest.mark.parametrize('seed', range(40))
def test_equals_pyirstdmetrics(seed):
    pairs = random_pairs(seed)
    assert ratios(*pairs) == pytest.approx(their_ratios(pairs))


def test_the_package_counts_one_more_on_every_side_that_is_empty():
    """Its phantoms: a false prediction where nothing is predicted, a miss where no target is."""
    gt_mask = mask((5, 5, 3, 3))
    empty = mask()
    theirs = their_ratios([(gt_mask, gt_mask), (gt_mask, empty), (empty, gt_mask), (empty, empty)])
    # One pair, one false prediction, one miss; and two phantoms of each kind.
    assert theirs['LocIoU'] == pytest.approx(1 / 7)
    assert (theirs['Loc_ITF'], theirs['Loc_PCP']) == pytest.approx((3 / 7, 3 / 7))
    ours = ratios((gt_mask, gt_mask), (gt_mask, empty), (empty, gt_mask), (empty, empty))
    assert ours['LocIoU'] == pytest.approx(1 / 3)
    assert (ours['Loc_ITF'], ours['Loc_PCP']) == pytest.approx((1 / 3, 1 / 3))
