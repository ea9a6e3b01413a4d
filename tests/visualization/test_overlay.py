"""Overlays and crops: nothing covers a target, every bit depth and odd size is drawn."""

import numpy as np
import pytest

from mmirstd.visualization.canvas import COLOUR_NAMES, COLOURS, draw_outline, enlargement, to_gray8
from mmirstd.visualization.outcomes import FALSE_ALARM, HIT, MISS, UNSCORED
from mmirstd.visualization.overlay import crop_pictures, crop_strip, draw_overlay, draw_result

SHAPE = (33, 47)


def _scene(dtype=np.uint8):
    rng = np.random.default_rng(0)
    image = rng.integers(40, 60, SHAPE).astype(dtype)
    gt_mask = np.zeros(SHAPE, np.uint8)
    gt_mask[10, 10] = gt_mask[20, 35] = 1
    image[gt_mask > 0] = 200
    prediction = np.zeros(SHAPE, np.uint8)
    prediction[10, 10] = prediction[28, 8] = 1
    return image, gt_mask, prediction


def _has(picture, kind):
    return bool((picture == COLOURS[kind]).all(axis=-1).any())


def test_three_colours_for_three_outcomes():
    image, gt_mask, prediction = _scene()
    picture = draw_overlay(image, gt_mask, prediction, scale=8)
    assert picture.shape == (33 * 8, 47 * 8, 3)
    assert picture.dtype == np.uint8
    assert all(_has(picture, kind) for kind in (HIT, MISS, FALSE_ALARM))
    only_hit = draw_overlay(image, gt_mask, gt_mask, scale=8)
    assert _has(only_hit, HIT)
    assert not _has(only_hit, MISS)
    assert not _has(only_hit, FALSE_ALARM)


@pytest.mark.parametrize('scale', [2, 5, 8])
def test_no_line_covers_a_target_pixel(scale):
    image, gt_mask, prediction = _scene()
    picture = draw_overlay(image, gt_mask, prediction, scale=scale, labels=False)
    for y, x in [*np.argwhere(gt_mask), *np.argwhere(prediction)]:
        block = picture[y * scale : (y + 1) * scale, x * scale : (x + 1) * scale]
        assert (block == image[y, x]).all()


def test_image_without_targets_is_shown_unchanged():
    image, gt_mask, _ = _scene()
    empty = np.zeros_like(gt_mask)
    picture = draw_overlay(image, empty, empty, scale=1)
    assert (picture == image[..., None]).all()
    assert (draw_overlay(image, scale=1) == image[..., None]).all()
    assert crop_strip(image, empty, empty, width=100).shape == (0, 100, 3)


def test_all_background_prediction_is_all_misses():
    image, gt_mask, _ = _scene()
    picture = draw_overlay(image, gt_mask, np.zeros_like(gt_mask), scale=6)
    assert _has(picture, MISS)
    assert not _has(picture, HIT)
    assert not _has(picture, FALSE_ALARM)


def test_targets_at_the_border():
    image, gt_mask, prediction = _scene()
    gt_mask[0, 0] = gt_mask[-1, -1] = 1
    picture = draw_result(image, gt_mask, prediction, name='corner')
    assert _has(picture, MISS)


def test_low_contrast_sixteen_bit_target_becomes_visible():
    image = np.full(SHAPE, 8000, np.uint16)
    image[::2] += 3
    image[10, 10] = 8040
    gray = to_gray8(image)
    assert gray[10, 10] == 255
    assert gray[0, 0] < 40
    picture = draw_overlay(image, (image == 8040), None, scale=1)
    assert picture[10, 10].tolist() == [255, 255, 255]


@pytest.mark.parametrize('dtype', [np.uint16, np.int32, np.float32, np.float64, bool])
def test_every_numeric_type_is_drawn(dtype):
    image, gt_mask, prediction = _scene()
    picture = draw_result(image.astype(dtype), gt_mask, prediction)
    assert picture.dtype == np.uint8


def test_eight_bits_are_not_stretched_unless_asked():
    image, _, _ = _scene()
    assert (to_gray8(image) == image).all()
    assert to_gray8(image, stretch=True).min() == 0


def test_colour_images_and_single_channels():
    image, gt_mask, prediction = _scene()
    three = np.repeat(image[..., None], 3, axis=2)
    flat = draw_overlay(image, gt_mask, prediction, scale=4)
    assert np.abs(draw_overlay(three, gt_mask, prediction, scale=4).astype(int) - flat).max() <= 1
    assert (to_gray8(image[..., None]) == image).all()
    with pytest.raises(ValueError, match=r'expected \(H, W\)'):
        to_gray8(np.zeros((4, 4, 2)))


def test_strip_shows_misses_first_and_counts_the_rest():
    image, gt_mask, prediction = _scene()
    strip = crop_strip(image, gt_mask, prediction, width=60, window=10, zoom=4)
    assert strip.shape[1] == 60
    assert (strip[0, 0] == COLOURS[MISS]).all()  # frame of the first tile
    wide = crop_strip(image, gt_mask, prediction, width=200, window=10, zoom=4)
    assert (wide[0, 44] == COLOURS[FALSE_ALARM]).all()
    assert (wide[0, 88] == COLOURS[HIT]).all()
    assert strip[:20, 44:].any()  # "and 2 more"
    assert not wide[:20, 130:].any()


def test_crop_holds_the_enlarged_pixels_of_its_target():
    image, gt_mask, _ = _scene()
    gt_mask[20, 35] = 0
    strip = crop_strip(image, gt_mask, gt_mask, width=100, window=11, zoom=7)
    tile = strip[:77, :77]
    middle = tile[5 * 7 + 1 : 6 * 7 - 1, 5 * 7 + 1 : 6 * 7 - 1]
    assert (middle == 255).all()  # stretched: the target is the brightest pixel


def test_target_larger_than_the_window_fits():
    image = np.zeros((90, 90), np.uint8)
    gt_mask = np.zeros((90, 90), np.uint8)
    gt_mask[10:80, 10:80] = 1
    strip = crop_strip(image, gt_mask, gt_mask, width=200, window=10, zoom=4)
    assert strip.shape[0] == 40 + 22


def test_result_has_caption_and_crops():
    image, gt_mask, prediction = _scene()
    overlay = draw_overlay(image, gt_mask, prediction)
    result = draw_result(image, gt_mask, prediction, name='frame_1')
    assert result.shape[1] == overlay.shape[1] >= 640
    assert result.shape[0] > overlay.shape[0] + 100
    assert result[:22].any()


def test_enlargement_reaches_the_wanted_size():
    assert enlargement((256, 256), 640) == 3
    assert enlargement((512, 640), 640) == 1
    assert enlargement((1, 1), 640) == 640


def test_colours_are_what_texts_call_them():
    expected = {'blue': 'gB', 'yellow': 'RGb', 'vermilion': 'Rg', 'green': 'Gb'}
    for kind, (red, green, blue) in COLOURS.items():
        most = max(red, green, blue)
        channels = zip('rgb', (red, green, blue), strict=True)
        described = ''.join(
            letter.upper() if value > 0.8 * most else letter
            for letter, value in channels
            if value > 0.35 * most
        )
        wanted = expected[COLOUR_NAMES[kind]]
        assert [c for c in described if c.isupper()] == [c for c in wanted if c.isupper()], kind


def test_dashed_outline_is_part_of_the_solid_one():
    mask = np.zeros((9, 9), np.uint8)
    mask[3:6, 3:6] = 1
    solid, dashed = np.zeros((2, 45, 45, 3), np.uint8)
    draw_outline(solid, mask, (255, 0, 0), 5)
    draw_outline(dashed, mask, (255, 0, 0), 5, dashed=True)
    assert 0 < dashed.sum() < solid.sum()
    assert not (dashed & ~solid).any()
    assert solid[..., 0].sum() / 255 == 17**2 - 15**2


def test_neighbours_keep_their_own_colours():
    """A hit beside a false alarm and a miss, closer than the window of a crop."""
    image = np.full(SHAPE, 50, np.uint8)
    gt_mask, prediction = np.zeros((2, *SHAPE), np.uint8)
    gt_mask[10, 10] = prediction[10, 10] = 1  # hit
    prediction[10, 15] = 1  # false alarm
    gt_mask[15, 10] = 1  # miss
    (miss, alarm, hit) = [
        picture for picture, _ in crop_pictures(image, gt_mask, prediction, window=20, zoom=8)
    ]

    def around(picture, y, x, centre):
        """Colours of the outline of the pixel (y, x) in a crop with this pixel in its middle."""
        top, left = ((y - centre[0] + 10) * 8, (x - centre[1] + 10) * 8)
        ring = picture[top - 1 : top + 9, left - 1 : left + 9].reshape(-1, 3)
        return {tuple(colour) for colour in ring.tolist()} & set(COLOURS.values())

    green = COLOURS[UNSCORED]
    for picture, (y, x) in ((miss, (15, 10)), (alarm, (10, 15)), (hit, (10, 10))):
        # The box is one pixel, whose middle the window is laid around.
        centre = (y, x)
        assert around(picture, 10, 10, centre) == {green, COLOURS[HIT]}
        assert around(picture, 10, 15, centre) == {COLOURS[FALSE_ALARM]}
        assert around(picture, 15, 10, centre) == {green}


def test_a_target_inside_the_box_of_another_is_not_drawn_as_it():
    image = np.full(SHAPE, 50, np.uint8)
    gt_mask, prediction = np.zeros((2, *SHAPE), np.uint8)
    gt_mask[5:16, 5] = gt_mask[15, 5:16] = 1  # an L that is missed
    gt_mask[8, 12] = prediction[8, 12] = 1  # a hit in its box
    picture = draw_overlay(image, gt_mask, prediction, scale=8, labels=False)
    ring = picture[8 * 8 - 1 : 9 * 8 + 1, 12 * 8 - 1 : 13 * 8 + 1]
    assert (ring[0] == COLOURS[HIT]).all()
    assert (ring[:, 0] == COLOURS[HIT]).all()


@pytest.mark.parametrize('which', ['gt_mask', 'prediction'])
def test_wrong_sizes_are_named(which):
    image, gt_mask, _ = _scene()
    with pytest.raises(ValueError, match=which):
        draw_result(image, **{which: gt_mask[:-1]})
