import numpy as np
import pytest

from mmirstd.datasets.intensity import check_range, scale_intensity


def test_8_bit_passes_unchanged():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert scale_intensity(image) is image


def test_dtype_maps_the_whole_unsigned_range():
    image = np.array([[0, 257, 65535]], np.uint16)
    scaled = scale_intensity(image)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [[0, 1, 255]], rtol=1e-6)


def test_16_bit_is_not_truncated_to_8_bits():
    image = np.array([[1000, 1001]], np.uint16)
    low, high = scale_intensity(image)[0]
    assert 0 < high - low < 0.01


@pytest.mark.parametrize('dtype', [np.int16, np.int32, np.float32, np.float64])
def test_types_without_natural_maximum_need_a_choice(dtype):
    with pytest.raises(ValueError, match=r'scene\.npy: pixel type \w+ has no natural maximum'):
        scale_intensity(np.ones((2, 2), dtype), source='scene.npy')


def test_fixed_range_clips():
    image = np.array([[-5, 0, 8191.5, 16383, 20000]], np.float32)
    scaled = scale_intensity(image, (0, 16383))
    np.testing.assert_allclose(scaled, [[0, 0, 127.5, 255, 255]])


def test_fixed_range_on_8_bit_input():
    np.testing.assert_allclose(
        scale_intensity(np.array([[0, 51, 102]], np.uint8), (51, 102)), [[0, 0, 255]]
    )


def test_minmax():
    image = np.array([[-3000, -2000, -1000]], np.int32)
    np.testing.assert_allclose(scale_intensity(image, 'minmax'), [[0, 127.5, 255]])


def test_small_differences_on_a_large_offset_survive():
    image = np.array([[2**31 - 3, 2**31 - 2, 2**31 - 1]], np.int64)
    np.testing.assert_allclose(scale_intensity(image, 'minmax'), [[0, 127.5, 255]])


def test_percentile_ignores_a_hot_and_a_dead_pixel():
    image = np.linspace(100, 200, 10000).reshape(100, 100)
    image[0, 0], image[-1, -1] = -1e6, 1e6
    scaled = scale_intensity(image, 'percentile', percentiles=(1, 99))
    assert scaled[50, 50] == pytest.approx(127.5, abs=2)
    assert scaled.min() == 0
    assert scaled.max() == 255


@pytest.mark.parametrize('mode', ['minmax', 'percentile'])
def test_constant_image_becomes_zero_and_not_nan(mode):
    assert (scale_intensity(np.full((4, 4), 7.0), mode) == 0).all()


def test_bool_becomes_0_and_255():
    assert scale_intensity(np.array([[True, False]])).tolist() == [[255, 0]]


@pytest.mark.parametrize(
    ('intensity_range', 'percentiles', 'message'),
    [
        ('window', (0, 100), 'intensity_range must be one of'),
        ((5, 5), (0, 100), 'low < high'),
        ((1, 2, 3), (0, 100), 'low < high'),
        ('percentile', (90, 10), 'percentiles'),
        ('percentile', (0, 101), 'percentiles'),
    ],
)
def test_bad_arguments(intensity_range, percentiles, message):
    with pytest.raises(ValueError, match=message):
        check_range(intensity_range, percentiles)
