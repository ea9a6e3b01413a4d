import cv2
import numpy as np
import pytest

from mmirstd.datasets.transforms import DivideByMaximum, RandomGaussianBlur


@pytest.fixture
def point() -> dict:
    image = np.zeros((9, 9, 1), np.uint8)
    image[4, 4] = 200
    mask = (image[..., 0] > 0).astype(np.uint8)
    return {'img': image, 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map']}


def test_blur_spreads_the_point_and_keeps_mask_and_shape(point):
    np.random.seed(0)
    step = RandomGaussianBlur(prob=1.0, max_sigma=2.0)
    blurred = step({**point})
    assert blurred['img'].shape == (9, 9, 1)
    assert blurred['img'].dtype == np.uint8
    assert 0 < blurred['img'][4, 4, 0] < 200
    assert blurred['img'][4, 5, 0] > 0
    assert np.array_equal(blurred['gt_seg_map'], point['gt_seg_map'])


def test_blur_is_drawn_with_its_probability(point):
    np.random.seed(0)
    step = RandomGaussianBlur(prob=0.25)
    changed = [not np.array_equal(step({**point})['img'], point['img']) for _ in range(200)]
    assert 0.1 < np.mean(changed) < 0.3  # weak blurs round to nothing
    assert np.array_equal(RandomGaussianBlur(prob=0.0)({**point})['img'], point['img'])


def test_blur_equals_opencv_on_colour():
    np.random.seed(1)
    image = np.random.default_rng(0).integers(0, 256, (16, 12, 3), np.uint8)
    step = RandomGaussianBlur(prob=1.0, max_sigma=1.0)
    np.random.seed(5)
    result = step({'img': image})['img']
    np.random.seed(5)
    _, sigma = np.random.uniform(), np.random.uniform(0, 1.0)
    assert np.array_equal(result, cv2.GaussianBlur(image, (0, 0), sigma))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r'prob.*1\.5'):
        RandomGaussianBlur(prob=1.5)
    with pytest.raises(ValueError, match='max_sigma'):
        RandomGaussianBlur(max_sigma=0)


def test_brightest_value_becomes_255_and_black_stays_black(point):
    scaled = DivideByMaximum()({**point})['img']
    assert scaled.dtype == np.float32
    assert scaled.max() == pytest.approx(255)
    assert scaled.min() == 0
    black = DivideByMaximum()({'img': np.zeros((3, 3), np.uint8)})['img']
    assert not black.any()
