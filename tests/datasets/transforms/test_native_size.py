"""Training at native size: crops, symmetries, standardisation, intensity changes, the cache."""

from collections import Counter

import numpy as np
import pytest

from mmirstd.datasets.intensity import scale_intensity
from mmirstd.datasets.transforms import (
    CachedSteps,
    RandomIntensity,
    RandomSymmetry,
    RandomTargetCrop,
    StandardizeImage,
)


def sample(height=12, width=20, targets=((2, 17),)):
    image = np.arange(height * width, dtype=np.float32).reshape(height, width, 1)
    mask = np.zeros((height, width), np.uint8)
    for row, column in targets:
        mask[row, column] = 1
    return {'img': image, 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map'], 'img_path': 'a.png'}


def corner(result, width=20):
    return divmod(int(result['img'][0, 0, 0]), width)


def crops(step, draws, **options):
    np.random.seed(0)
    return [step(sample(**options)) for _ in range(draws)]


def test_every_corner_that_shows_the_target_is_drawn_and_no_other():
    # A crop of 8 shows row 2, column 17 from rows 0..2 (the image begins) and columns 10..12.
    found = Counter(corner(result) for result in crops(RandomTargetCrop(8, 1.0), 900))
    assert set(found) == {(row, column) for row in (0, 1, 2) for column in (10, 11, 12)}
    assert min(found.values()) > 60  # 100 expected


def test_a_target_crop_contains_a_target_and_mask_follows_image():
    for result in crops(RandomTargetCrop(8, 1.0), 50, targets=((2, 17), (11, 0))):
        assert result['gt_seg_map'].sum() == 1
        row, column = np.argwhere(result['gt_seg_map'])[0]
        assert result['img'][row, column, 0] in (2 * 20 + 17, 11 * 20 + 0)
        assert result['img_shape'] == (8, 8)


def test_without_bias_every_corner_is_equally_likely():
    found = Counter(corner(result) for result in crops(RandomTargetCrop(8, 0.0), 3000))
    assert set(found) == {(row, column) for row in range(5) for column in range(13)}
    assert max(found.values()) < 2.2 * 3000 / 65


def test_the_bias_has_its_probability():
    shown = [r['gt_seg_map'].any() for r in crops(RandomTargetCrop(8, 0.5), 600)]
    uniform = 3 * 3 / (5 * 13)
    assert np.mean(shown) == pytest.approx(0.5 + 0.5 * uniform, abs=0.06)


def test_small_images_are_padded_at_the_bottom_and_the_right():
    step = RandomTargetCrop(16, 1.0, image_pad=-3, mask_pad=255)
    result = step(sample(height=10, width=9, targets=((9, 8),)))
    assert result['img'].shape == (16, 16, 1)
    assert corner(result, width=9) == (0, 0)
    assert (result['img'][10:] == -3).all()
    assert (result['img'][:, 9:] == -3).all()
    assert (result['gt_seg_map'][10:] == 255).all()
    assert result['gt_seg_map'][9, 8] == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'size': 0}, 'size must be a positive'),
        ({'size': 8, 'target_prob': 1.1}, r'target_prob must be in \[0, 1\], got 1.1'),
        ({'size': 8, 'mask_pad': 7}, 'mask_pad must be 0'),
    ],
)
def test_wrong_crops_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        RandomTargetCrop(**options)


def test_the_eight_symmetries_are_equally_likely():
    np.random.seed(0)
    corners = {'img': np.array([[0.0, 1], [2, 3]]), 'seg_fields': []}
    found = Counter(tuple(RandomSymmetry()({**corners})['img'].ravel()) for _ in range(1600))
    assert len(found) == 8
    assert min(found.values()) > 140  # 200 expected


def test_symmetries_move_mask_and_image_alike_and_change_the_shape():
    np.random.seed(3)
    shapes = set()
    for _ in range(20):
        result = RandomSymmetry()(sample())
        row, column = np.argwhere(result['gt_seg_map'])[0]
        assert result['img'][row, column, 0] == 2 * 20 + 17
        assert result['img_shape'] == result['img'].shape[:2]
        shapes.add(result['img_shape'])
    assert shapes == {(12, 20), (20, 12)}


def test_no_symmetry_at_probability_zero():
    assert np.array_equal(RandomSymmetry(0.0)(sample())['img'], sample()['img'])


def test_standardised_values_by_hand():
    image = np.array([[0, 0, 0, 4]], np.uint8)  # mean 1, deviation sqrt(3)
    result = StandardizeImage(tail=0)({'img': image})['img']
    assert result.dtype == np.float32
    assert result == pytest.approx(np.array([[-1, -1, -1, 3]]) / np.sqrt(3), abs=1e-6)


@pytest.mark.parametrize('dtype', [np.uint16, np.int32, np.float32, np.float64])
def test_gain_and_offset_of_the_sensor_do_not_matter(dtype):
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 200, (64, 64)).astype(np.uint8)
    offset = 0 if dtype == np.uint16 else 2**26 if dtype != np.float32 else -700
    other = scene.astype(dtype) * 50 + dtype(offset)
    step = StandardizeImage()
    want = step({'img': scale_intensity(scene, 'raw')})['img']
    assert step({'img': scale_intensity(other, 'raw')})['img'] == pytest.approx(want, abs=1e-4)


def test_hot_pixels_do_not_change_the_scale():
    rng = np.random.default_rng(0)
    scene = rng.normal(8020, 6, (128, 128)).astype(np.float32)
    broken = scene.copy()
    broken[5, 5], broken[90, 3] = 65535, 0
    want, found = (StandardizeImage(tail=2e-4)({'img': image})['img'] for image in (scene, broken))
    good = np.ones(scene.shape, bool)
    good[5, 5] = good[90, 3] = False
    assert found[good] == pytest.approx(want[good], abs=0.01)
    assert found[5, 5] == 50
    assert found[90, 3] == -50


def test_a_constant_frame_becomes_zero():
    for value in (0, 255, 1e8):
        assert not StandardizeImage()({'img': np.full((9, 9), value, np.float32)})['img'].any()


def test_nan_names_the_file():
    image = np.array([[np.nan, 1]], np.float32)
    with pytest.raises(ValueError, match=r'night\.tif: pixels are NaN'):
        StandardizeImage()({'img': image, 'img_path': 'night.tif'})


def test_intensity_by_the_same_draws():
    image = np.linspace(-2, 2, 24, dtype=np.float32).reshape(4, 6)
    np.random.seed(4)
    result = RandomIntensity(prob=1.0, contrast=0.3, brightness=0.5, noise=0.1)({'img': image})
    np.random.seed(4)
    _, factor, offset, deviation = np.random.uniform(size=4)
    noise = np.random.default_rng(int(np.random.randint(2**31))).standard_normal(
        image.shape, dtype=np.float32
    )
    want = (1 + 0.3 * (2 * factor - 1)) * image + 0.5 * (2 * offset - 1) + 0.1 * deviation * noise
    assert result['img'] == pytest.approx(want, abs=1e-6)
    assert np.array_equal(RandomIntensity(prob=0.0)({'img': image})['img'], image)


def test_wrong_intensities_are_named():
    with pytest.raises(ValueError, match='contrast'):
        RandomIntensity(contrast=1.0)
    with pytest.raises(ValueError, match='noise'):
        RandomIntensity(noise=-0.1)


class Counting:
    def __init__(self):
        self.calls = 0

    def __call__(self, results):
        self.calls += 1
        results['img'] = np.full((4, 4), self.calls, np.float32)
        results['seg_fields'] = ['gt_seg_map']
        return results


def test_cached_steps_run_once_per_image_and_what_is_kept_stays():
    counting = Counting()
    step = CachedSteps([counting])
    first = step({'img_path': 'a.png'})
    first['seg_fields'].append('more')
    with pytest.raises(ValueError, match='read-only'):
        first['img'][0, 0] = 9
    again, other = step({'img_path': 'a.png'}), step({'img_path': 'b.png'})
    assert counting.calls == 2
    assert again['img'][0, 0] == 1
    assert other['img'][0, 0] == 2
    assert again['seg_fields'] == ['gt_seg_map']


def test_the_cache_has_a_limit():
    counting = Counting()
    step = CachedSteps([counting], max_gib=100 / 2**30)  # one image of 64 bytes
    for _ in range(2):
        step({'img_path': 'a.png'})
        step({'img_path': 'b.png'})
    assert counting.calls == 3
    assert step({'img_path': 'b.png'})['img'].flags.writeable
