import numpy as np
import pytest
from PIL import Image

from mmirstd.datasets.resampling import (
    crop_and_pad,
    crop_offset,
    resize_image,
    resize_mask,
    scaled_size,
)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (31, 46), dtype=np.uint8)


@pytest.mark.parametrize('size', [(31, 46), (16, 16), (64, 100), (1, 1)])
def test_image_is_resized_as_pillow_does(image, size):
    expected = np.array(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
    colour = np.stack([image, image // 2, 255 - image], axis=-1)
    np.testing.assert_array_equal(resize_image(image, size), expected)
    resized = resize_image(colour, size)
    assert resized.shape == (*size, 3)
    assert resized.dtype == np.uint8
    np.testing.assert_array_equal(resized[..., 0], expected)
    one_channel = resize_image(image[..., None], size)
    assert one_channel.shape == (*size, 1)
    np.testing.assert_array_equal(one_channel[..., 0], expected)


@pytest.mark.parametrize('channels', [0, 1, 3])
def test_float_images_agree_with_8_bit_ones_up_to_rounding(image, channels):
    if channels:
        image = np.repeat(image[..., None], channels, axis=2)
    resized = resize_image(image.astype(np.float32), (20, 24))
    assert resized.dtype == np.float32
    assert resized.shape == (20, 24, *image.shape[2:])
    assert np.abs(resized - resize_image(image, (20, 24))).max() < 1.01


def test_shrinking_does_not_step_over_a_bright_pixel():
    for x in range(64):
        image = np.zeros((64, 64), np.uint8)
        image[20, x] = 255
        assert resize_image(image, (16, 16)).max() > 0


def test_mask_takes_nearest_pixels_and_stays_binary():
    mask = np.random.default_rng(1).integers(0, 2, (40, 37), dtype=np.uint8)
    expected = np.array(Image.fromarray(mask).resize((21, 64), Image.Resampling.NEAREST))
    resized = resize_mask(mask, (64, 21))
    np.testing.assert_array_equal(resized, expected)
    assert set(np.unique(resized)) <= {0, 1}


@pytest.mark.parametrize(
    ('size', 'target', 'scale', 'expected'),
    [
        # box = scale * target; ratio = min(box / h, box / w); size = round(ratio * (h, w))
        ((256, 256), 256, 1.0, (256, 256)),
        ((256, 256), 256, 0.5, (128, 128)),
        ((200, 300), 256, 1.0, (171, 256)),  # 256 / 300 * 200 = 170.67
        ((220, 325), 256, 2.0, (347, 512)),  # 512 / 325 * 220 = 346.58
        ((388, 96), 256, 0.1, (26, 6)),  # 25.6 / 388: 25.6 and 6.33
        ((400, 1), 16, 0.1, (2, 1)),  # a side never vanishes
    ],
)
def test_scaled_size(size, target, scale, expected):
    assert scaled_size(size, target, scale) == expected


@pytest.mark.parametrize(
    ('size', 'position', 'expected'),
    [
        ((512, 512), 0.0, (0, 0)),
        ((512, 512), 1.0, (256, 256)),
        ((347, 512), 0.5, (46, 128)),  # 91 * 0.5 = 45.5 rounds half to even
        ((100, 512), 0.25, (0, 64)),
    ],
)
def test_crop_offset_uses_one_position_for_both_axes(size, position, expected):
    assert crop_offset(size, 256, position) == expected


def test_crop_and_pad():
    array = np.arange(20).reshape(4, 5)
    cut = crop_and_pad(array, (0, 2), 3, 128)
    np.testing.assert_array_equal(cut, array[:3, 2:])
    padded = crop_and_pad(array, (1, 0), 6, 128)
    np.testing.assert_array_equal(padded[:3, :5], array[1:])
    assert (padded[3:] == 128).all()
    assert (padded[:, 5] == 128).all()
    colour = crop_and_pad(np.zeros((2, 2, 3), np.uint8), (0, 0), 4, 128)
    assert colour.shape == (4, 4, 3)
    assert colour.dtype == np.uint8
    assert (colour[2:] == 128).all()
