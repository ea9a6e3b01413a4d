"""The originals' augmentations, on exact values."""

import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import TRANSFORMS
from PIL import Image

from mmirstd.datasets.transforms import (
    PadToSize,
    RandomLongSide,
    RandomPatch,
    RandomTargetCrop,
)
from mmirstd.datasets.transforms.originals import long_side_size


def sample(height, width, target=None):
    """A sample whose pixels are all different, with one target pixel."""
    image = (np.arange(height * width) % 251).astype(np.uint8).reshape(height, width, 1)
    mask = np.zeros((height, width), np.uint8)
    if target is not None:
        mask[target] = 1
    return {
        'img': image,
        'gt_seg_map': mask,
        'seg_fields': ['gt_seg_map'],
        'img_shape': (height, width),
        'ori_shape': (height, width),
    }


@pytest.mark.parametrize(
    ('size', 'long', 'expected'),
    [
        ((256, 256), 128, (128, 128)),
        ((100, 200), 301, (151, 301)),  # 150.5 is rounded up
        ((200, 100), 301, (301, 151)),
        ((300, 400), 333, (250, 333)),  # 249.75
        ((300, 401), 133, (100, 133)),  # 99.501
        ((3, 1000), 128, (1, 128)),
    ],
)
def test_the_other_side_is_rounded_half_up(size, long, expected):
    assert long_side_size(size, long) == expected


def test_long_sides_are_the_integers_of_the_range_with_both_ends():
    np.random.seed(0)
    step = RandomLongSide((3, 6))
    sides = [step(sample(2, 4))['img_shape'] for _ in range(200)]
    assert {max(side) for side in sides} == {3, 4, 5, 6}
    assert set(sides) == {(2, 3), (2, 4), (3, 5), (3, 6)}


def test_image_is_resized_bilinearly_and_mask_to_nearest_pixels_as_pillow_does():
    given = sample(60, 80, (30, 40))
    result = RandomLongSide((50, 50))({**given})
    size = (50, 38)  # width, height: 37.5 is rounded up
    image = Image.fromarray(given['img'][..., 0]).resize(size, Image.Resampling.BILINEAR)
    mask = Image.fromarray(given['gt_seg_map']).resize(size, Image.Resampling.NEAREST)
    assert np.array_equal(result['img'][..., 0], np.asarray(image))
    assert np.array_equal(result['gt_seg_map'], np.asarray(mask))
    assert result['img_shape'] == (38, 50)
    assert result['scale_factor'] == (50 / 80, 38 / 60)


def test_only_short_axes_are_padded_with_black_at_their_end():
    given = sample(3, 7, (2, 6))
    result = PadToSize(5)({**given})
    assert result['img'].shape == (5, 7, 1)
    assert result['img_shape'] == (5, 7)
    assert np.array_equal(result['img'][:3], given['img'])
    assert not result['img'][3:].any()
    assert np.array_equal(result['gt_seg_map'][:3], given['gt_seg_map'])
    assert not result['gt_seg_map'][3:].any()
    untouched = PadToSize(3)({**given})
    assert np.array_equal(untouched['img'], given['img'])
    ignored = PadToSize(5, mask_pad=255)({**given})
    assert (ignored['gt_seg_map'][3:] == 255).all()


def test_a_pad_that_bytes_cannot_hold_makes_the_image_float():
    result = PadToSize(4, image_pad=107.8091)(sample(3, 4))
    assert result['img'].dtype == np.float32
    assert result['img'][3, 0, 0] == np.float32(107.8091)
    assert PadToSize(4, image_pad=107)(sample(3, 4))['img'].dtype == np.uint8
    assert PadToSize(3, image_pad=107.8091)(sample(3, 4))['img'].dtype == np.uint8


def corner(result):
    """Where the first pixel of a crop of `sample` was, for images of at most 251 pixels."""
    return int(result['img'][0, 0, 0])


def test_patches_with_a_target_are_as_frequent_as_in_sctransnet():
    np.random.seed(0)
    step = RandomPatch(2)
    # Nine corners of a 4 x 4 image; the target at (0, 0) is in one of them: q = 1 / 9.
    corners = [corner(step(sample(4, 4, (0, 0)))) for _ in range(2000)]
    assert set(corners) == {0, 1, 2, 4, 5, 6, 8, 9, 10}
    q = 1 / 9
    expected = q / (q + (1 - q) * 0.5)  # 0.2
    assert np.mean(np.equal(corners, 0)) == pytest.approx(expected, abs=0.03)


def test_patches_of_an_image_without_target_or_mask_are_uniform_and_padded():
    np.random.seed(0)
    step = RandomPatch(5)
    given = sample(4, 6)
    found = {corner(step({**given})) for _ in range(60)}
    assert found == {0, 1}  # two columns, one row
    bare = RandomPatch(5)({'img': given['img']})
    assert bare['img'].shape == (5, 5, 1)
    assert not bare['img'][4].any()


def test_basicirstds_patch_may_miss_the_pixel_by_one():
    target = (6, 9)
    for may_miss, first in ((False, (3, 6)), (True, (2, 5))):
        np.random.seed(0)
        step = RandomTargetCrop(4, 1.0, may_miss_by_one=may_miss)
        found = {divmod(corner(step(sample(12, 16, target))), 16) for _ in range(800)}
        expected = {(y, x) for y in range(first[0], 7) for x in range(first[1], 10)}
        assert found == expected
    # At the border both reach as far as the image does.
    np.random.seed(0)
    step = RandomTargetCrop(4, 1.0, may_miss_by_one=True)
    found = {divmod(corner(step(sample(12, 16, (11, 0)))), 16) for _ in range(100)}
    assert found == {(7, 0), (8, 0)}


def test_the_crop_draws_both_axes_independently():
    """MMSeg's crop stands for the originals'; SimIRSTD's release draws one number for both."""
    np.random.seed(0)
    crop = Compose([{'type': 'mmseg.RandomCrop', 'crop_size': (4, 4)}])
    found = {divmod(corner(crop(sample(7, 6))), 6) for _ in range(200)}
    assert found == {(y, x) for y in range(4) for x in range(3)}


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'type': 'RandomLongSide', 'sides': (0, 5)}, 'sides'),
        ({'type': 'RandomLongSide', 'sides': (6, 5)}, 'sides'),
        ({'type': 'RandomLongSide', 'sides': (0.5, 2.0)}, 'sides'),
        ({'type': 'PadToSize', 'size': 0}, 'size'),
        ({'type': 'RandomPatch', 'size': 8, 'accept_prob': 0}, 'accept_prob'),
        ({'type': 'RandomPatch', 'size': 8, 'mask_pad': 1}, 'mask_pad'),
    ],
)
def test_bad_arguments(arguments, message):
    arguments['type'] = f'mmirstd.{arguments["type"]}'
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build(arguments)
