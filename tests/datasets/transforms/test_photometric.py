import cv2
import numpy as np
import pytest
from PIL import Image, ImageFilter

from mmirstd.datasets.transforms import DivideByMaximum, RandomGaussianBlur
from mmirstd.datasets.transforms.photometric import gaussian_blur


@pytest.fixture
def point() -> dict:
    image = np.zeros((9, 9, 1), np.uint8)
    image[4, 4] = 200
    mask = (image[..., 0] > 0).astype(np.uint8)
    return {'img': image, 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map']}


def test_blur_spreads_the_point_and_keeps_mask_and_shape(point):
    np.random.seed(0)
    step = RandomGaussianBlur(prob=1.0, max_radius=2.0)
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


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('seed', [5, 6, 7])
def test_blur_equals_that_of_pillow(channels, seed):
    """Colour as Pillow has it: channel by channel in one picture."""
    image = np.random.default_rng(0).integers(0, 256, (16, 12, channels), np.uint8)
    np.random.seed(seed)
    result = RandomGaussianBlur(prob=1.0, max_radius=1.0)({'img': image})['img']
    np.random.seed(seed)
    _, radius = np.random.uniform(), np.random.uniform(0, 1.0)
    blurred = Image.fromarray(image.squeeze()).filter(ImageFilter.GaussianBlur(radius))
    assert np.array_equal(result, np.asarray(blurred).reshape(image.shape))


def test_blur_of_float_images_is_that_of_opencv():
    image = np.random.default_rng(0).normal(100, 20, (16, 12, 1)).astype(np.float32)
    expected = cv2.GaussianBlur(image, (0, 0), 0.8)[..., None]
    assert np.array_equal(gaussian_blur(image, 0.8), expected)
    assert gaussian_blur(image, 0.8).dtype == np.float32


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r'prob.*1\.5'):
        RandomGaussianBlur(prob=1.5)
    with pytest.raises(ValueError, match='max_radius'):
        RandomGaussianBlur(max_radius=0)


def test_brightest_value_becomes_255_and_black_stays_black(point):
    scaled = DivideByMaximum()({**point})['img']
    assert scaled.dtype == np.float32
    assert scaled.max() == pytest.approx(255)
    assert scaled.min() == 0
    black = DivideByMaximum()({'img': np.zeros((3, 3), np.uint8)})['img']
    assert not black.any()
