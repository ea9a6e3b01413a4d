"""Curves against brute force, and their dependence on the number of bins."""

import numpy as np
import pytest

from mmirstd.evaluation.counts import count_image
from mmirstd.evaluation.curves import (
    TargetCurve,
    pixel_curve,
    pixel_histogram,
    sweep_thresholds,
    target_curve,
)
from mmirstd.evaluation.output import draw_curves


@pytest.fixture
def images():
    """Three (probability, ground truth) pairs with steps of 1/64, and values at the ends."""
    random = np.random.default_rng(3)
    pairs = []
    for _ in range(3):
        gt_mask = random.random((30, 40)) < 0.05
        probability = np.clip(random.normal(0.2 + 0.4 * gt_mask, 0.25), 0, 1)
        pairs.append((np.round(probability * 64) / 64, gt_mask))
    return pairs


def test_points_are_counts_above_the_threshold(images):
    curve = pixel_curve([pixel_histogram(p, t, 10) for p, t in images])
    probability = np.concatenate([p.ravel() for p, _ in images])
    gt_mask = np.concatenate([t.ravel() for _, t in images])
    assert curve.thresholds.tolist() == [-np.inf, *(np.arange(11) / 10)]
    for index, threshold in enumerate(curve.thresholds):
        assert curve.tp[index] == (gt_mask & (probability > threshold)).sum()
        assert curve.fp[index] == (~gt_mask & (probability > threshold)).sum()
    assert (curve.positives, curve.negatives) == (gt_mask.sum(), (~gt_mask).sum())


def test_auc_is_exact_when_the_bins_separate_all_values(images):
    curve = pixel_curve([pixel_histogram(p, t, 64) for p, t in images])
    probability = np.concatenate([p.ravel() for p, _ in images])
    gt_mask = np.concatenate([t.ravel() for _, t in images])
    # The area is the chance that a target pixel outscores a background pixel, ties counting half.
    difference = probability[gt_mask][:, None] - probability[~gt_mask]
    assert curve.roc_auc == pytest.approx((difference > 0).mean() + (difference == 0).mean() / 2)
    # Average precision: mean over the target pixels of the precision at their own value.
    precision = [gt_mask[probability >= value].mean() for value in probability[gt_mask]]
    assert curve.average_precision == pytest.approx(np.mean(precision))


def test_auc_depends_on_the_bins():
    # The target outscores both background pixels, but lies in one cell of ten with them.
    gt_mask = np.array([[True, False, False]])
    probability = np.array([[0.05, 0.01, 0.02]])
    assert pixel_curve([pixel_histogram(probability, gt_mask, 10)]).roc_auc == 0.5
    assert pixel_curve([pixel_histogram(probability, gt_mask, 200)]).roc_auc == 1.0


def test_histograms_add_up_over_images_and_leave_out_ignored_pixels(images):
    whole = sum(pixel_histogram(p, t, 20) for p, t in images)
    assert whole.sum() == 3 * 1200
    probability, gt_mask = images[0]
    ignored = np.zeros_like(gt_mask)
    ignored[:10] = True
    below = pixel_histogram(probability[10:], gt_mask[10:], 20)
    assert np.array_equal(pixel_histogram(probability, gt_mask, 20, ignored), below)


def test_curves_without_targets_are_nan():
    curve = pixel_curve([pixel_histogram(np.zeros((4, 4)), np.zeros((4, 4)), 10)])
    assert np.isnan(curve.tpr).all()
    assert np.isnan(curve.roc_auc)


@pytest.mark.parametrize('matching', ['legacy', 'optimal'])
def test_sweep_equals_counting_at_each_threshold(images, matching):
    thresholds = (0.0, 0.3, 0.5, 0.9)
    for probability, gt_mask in images:
        sweep = sweep_thresholds(probability, gt_mask, thresholds, matching)
        for (hits, false_pixels), threshold in zip(sweep.tolist(), thresholds, strict=True):
            counts = count_image(probability > threshold, gt_mask, matchings=[matching])
            match = counts.matches[matching]
            assert (hits, false_pixels) == (sum(match.hits), match.false_pixels)


def test_target_curve_adds_up(images):
    thresholds = (0.2, 0.5)
    sweeps = [sweep_thresholds(p, t, thresholds, 'greedy') for p, t in images]
    curve = target_curve(sweeps, thresholds, 'greedy', targets=50, pixels=3600)
    assert curve.pd.tolist() == (sum(sweeps)[:, 0] / 50).tolist()
    assert curve.fa.tolist() == (sum(sweeps)[:, 1] / 3600).tolist()


def test_sweep_leaves_out_ignored_pixels():
    gt_mask = np.zeros((12, 12), dtype=bool)
    gt_mask[2:4, 2:4] = True
    probability = np.where(gt_mask, 0.9, 0.0)
    probability[8:10, 8:10] = 0.9
    ignored = np.zeros_like(gt_mask)
    ignored[8:10, 8] = True
    sweep = sweep_thresholds(probability, gt_mask, (0.5,), 'greedy', ignored=ignored)
    assert sweep.tolist() == [[1, 2]]


@pytest.fixture
def one_giant_component():
    """Below 0.1 the whole image is one component, far from the target."""
    probability = np.full((20, 20), 0.05)
    truth = np.zeros((20, 20), bool)
    truth[2:5, 2:5] = True
    probability[2:5, 2:5] = 0.9
    thresholds = (0.0, 0.1, 0.5, 0.95)
    sweep = sweep_thresholds(probability, truth, thresholds, 'greedy')
    histogram = pixel_histogram(probability, truth, 20)
    return pixel_curve([histogram]), target_curve(
        [sweep], thresholds, 'greedy', targets=1, pixels=400
    )


def test_the_drawn_curve_ends_where_targets_are_lost_again(one_giant_component):
    pixels, detection = one_giant_component
    assert detection.fa[0] == 1  # measured and kept in the files
    assert detection.hits.tolist() == [0, 1, 1, 0]
    assert detection.thresholds[detection.useful].tolist() == [0.1, 0.5, 0.95]
    (line,) = draw_curves({'': (pixels, detection)}).axes[2].lines
    assert line.get_xdata().tolist() == [0, 0, 0]
    assert line.get_ydata().tolist() == [0, 1, 1]


def test_between_two_thresholds_the_lower_pd_holds():
    curve = TargetCurve(
        'greedy', np.array([0.2, 0.4, 0.6]), np.array([4, 3, 1]), np.array([9, 5, 0]), 4, 100
    )
    pixels = pixel_curve([np.ones((2, 11), int)])
    (line,) = draw_curves({'': (pixels, curve)}).axes[2].lines
    assert line.get_drawstyle() == 'steps-post'
    assert line.get_ydata().tolist() == [0.25, 0.75, 1]
    assert line.get_xdata() == pytest.approx([0, 5e4, 9e4])


@pytest.mark.parametrize(
    ('false_pixels', 'limits'),
    [([900, 340, 210], (100, 1000)), ([20, 5, 0], (0, 100)), ([0, 0, 0], (0, 10))],
)
def test_the_axis_of_fa_shows_the_measured_decades(false_pixels, limits):
    pixels = pixel_curve([np.ones((2, 11), int)])
    curve = TargetCurve(
        'greedy', np.array([0.2, 0.4, 0.6]), np.array([4, 3, 1]), np.array(false_pixels), 4, 10**6
    )
    axes = draw_curves({'': (pixels, curve)}).axes[2]
    assert axes.get_xlim() == pytest.approx(limits)


def test_curves_without_targets_are_drawn():
    curve = target_curve([np.zeros((3, 2), int)], (0, 0.4, 0.6), 'greedy', targets=0, pixels=9)
    pixels = pixel_curve([np.array([[5, 4], [0, 0]])])
    assert draw_curves({'': (pixels, curve)}).axes[2].get_ylabel() == 'Pd'


def test_dark_curves_are_legible(one_giant_component):
    """Text and ground differ by the contrast that WCAG asks for, 4.5."""
    from matplotlib.colors import to_rgb

    def luminance(colour):
        linear = [v / 12.92 if v <= 0.04 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour)]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    for dark in (False, True):
        figure = draw_curves({'': one_giant_component}, dark=dark)
        axes = figure.axes[0]
        ground = luminance(axes.get_facecolor())
        assert (ground < 0.2) == dark
        for text in (axes.title, axes.xaxis.label, axes.get_xticklabels()[0]):
            levels = sorted([luminance(text.get_color()), ground])
            assert (levels[1] + 0.05) / (levels[0] + 0.05) > 4.5
