"""The scorer equals counting, curves and rates by hand, whatever the order and the process."""

from dataclasses import astuple

import numpy as np
import pytest

from mmirstd.evaluation.counts import count_image
from mmirstd.evaluation.curves import pixel_curve, pixel_histogram
from mmirstd.evaluation.folder import score_folder
from mmirstd.evaluation.rates import score_images
from mmirstd.evaluation.scorer import Scorer
from mmirstd.io.images.writing import write_image
from mmirstd.io.predictions import encode_probability, round_probability


@pytest.fixture
def images():
    """Name -> (probability, ground truth, ignored) of three images of different sizes."""
    random = np.random.default_rng(7)
    made = {}
    for number, size in enumerate([(30, 40), (24, 24), (50, 20)]):
        gt_mask = random.random(size) < 0.04
        probability = np.clip(random.normal(0.2 + 0.5 * gt_mask, 0.2), 0, 1)
        made[f'image {number}'] = probability, gt_mask, random.random(size) < 0.1
    return made


def fill(scorer, images):
    for name, (probability, gt_mask, ignored) in images.items():
        scorer.update(
            probability > 0.5, gt_mask, probability=probability, ignored=ignored, name=name
        )
    return scorer


def test_scores_are_those_of_the_pure_functions(images):
    options = {'empty_iou': 'zero', 'size_edges': (4,), 'fa_pixels_per_image': 999}
    scorer = Scorer(['legacy', 'optimal', 'legacy'], max_distance=2, curves=True, **options)
    result = fill(scorer, images).compute()
    counts = [
        count_image(
            p > 0.5, t, matchings=['legacy', 'optimal'], max_distance=2, ignored=i, name=name
        )
        for name, (p, t, i) in images.items()
    ]
    assert result.images == counts
    assert result.scores == [score_images(counts, one, **options) for one in ('legacy', 'optimal')]
    curve = pixel_curve(
        [pixel_histogram(round_probability(p), t, 1000, i) for p, t, i in images.values()]
    )
    numbers = result.numbers()
    assert numbers['ROC_AUC_1000bins'] == curve.roc_auc
    assert numbers['AP_1000bins'] == curve.average_precision
    # The denominator of Fa is the same in the table and on the curve.
    assert result.target_curve.pixels == 3 * 999
    at_half = result.target_curve.thresholds.tolist().index(0.5)
    assert result.target_curve.fa[at_half] == result.scores[0].fa
    assert result.target_curve.pd[at_half] == result.scores[0].pd


def test_merged_parts_equal_the_whole(images):
    names = list(images)
    whole = fill(Scorer(curves=True), images).compute()
    first = fill(Scorer(curves=True), {name: images[name] for name in names[:1]})
    second = fill(Scorer(curves=True), {name: images[name] for name in names[1:]})
    assert second.compute().scores != whole.scores
    first.merge(second.records)
    assert first.compute().scores == whole.scores
    assert first.compute().numbers() == whole.numbers()


def test_reset_forgets(images):
    scorer = fill(Scorer(), images)
    scorer.reset()
    with pytest.raises(ValueError, match='no images'):
        scorer.compute()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'matchings': ()}, 'at least one convention'),
        ({'matchings': ('nearest',)}, "matching='nearest' is unknown"),
        ({'max_distance': 0}, 'max_distance=0'),
        ({'curve_bins': 1}, 'curve_bins=1'),
        ({'empty_iou': 'half'}, "empty_iou='half'"),
    ],
)
def test_bad_options_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Scorer(**arguments)


def test_curves_need_probabilities():
    with pytest.raises(ValueError, match='frame: curves need a probability'):
        Scorer(curves=True).update(np.eye(4), np.eye(4), name='frame')


def test_a_model_and_its_probability_files_have_the_same_curves(tmp_path):
    """Most probabilities of a model are far below half a step of 16 bits, some above."""
    random = np.random.default_rng(0)
    scorer = Scorer(['legacy'], curves=True)
    for folder in ('probability', 'masks'):
        (tmp_path / folder).mkdir()
    for name in ('a.png', 'b.png'):
        gt_mask = np.zeros((40, 50), np.uint8)
        gt_mask[10:13, 20:24] = 1
        probability = 1 / (1 + np.exp(20 - random.gamma(2, 2, gt_mask.shape) - 14 * gt_mask))
        scorer.update(probability > 0.5, gt_mask, probability=probability, name=name)
        write_image(tmp_path / 'probability' / name, encode_probability(probability))
        write_image(tmp_path / 'masks' / name, gt_mask * 255)
    model = scorer.compute()
    files = score_folder(
        tmp_path / 'probability', tmp_path / 'masks', Scorer(['legacy'], curves=True)
    ).result
    assert model.pixel_curve.fp[1] < model.pixel_curve.negatives  # the rounding to 0 matters
    for curve in ('pixel_curve', 'target_curve'):
        for one, other in zip(
            astuple(getattr(model, curve)), astuple(getattr(files, curve)), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    assert model.pixel_curve.roc_auc == files.pixel_curve.roc_auc
