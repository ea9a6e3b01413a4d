import numpy as np
import pytest

from mmirstd.evaluation.components import find_components
from mmirstd.inference.targets import Target, list_targets


def find_targets(probability: np.ndarray, mask: np.ndarray) -> list[Target]:
    return list_targets(probability, find_components(mask))


def test_centroid_box_area_and_peak():
    probability = np.zeros((10, 12), np.float32)
    probability[2:4, 5:8] = 0.6
    probability[3, 6] = 0.9
    probability[7, 1], probability[8, 2] = 0.7, 0.8  # diagonal neighbours are one target
    first, second = find_targets(probability, probability > 0.5)
    assert (first.x, first.y, first.area, first.box) == (6.0, 2.5, 6, (5, 2, 8, 4))
    assert first.score == pytest.approx(0.9)
    assert (second.x, second.y, second.area, second.box) == (1.5, 7.5, 2, (1, 7, 3, 9))


def test_agrees_with_an_independent_labelling():
    measure = pytest.importorskip('skimage.measure')
    random = np.random.default_rng(3)
    probability = random.random((60, 80)).astype(np.float32)
    mask = probability > 0.7
    expected = measure.regionprops(measure.label(mask, connectivity=2), probability)
    found = find_targets(probability, mask)
    assert len(found) == len(expected)
    for target, region in zip(found, expected, strict=True):
        np.testing.assert_allclose((target.y, target.x), region.centroid)
        top, left, bottom, right = region.bbox
        assert target.box == (left, top, right, bottom)
        assert target.area == region.area
        assert target.score == region.intensity_max


def test_no_target():
    empty = np.zeros((3, 4), np.float32)
    assert find_targets(empty, empty > 0) == []
