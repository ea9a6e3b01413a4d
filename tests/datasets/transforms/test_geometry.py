import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from mmirstd.datasets.resampling import resize_image, resize_mask
from mmirstd.datasets.transforms import RandomScaleCropPad, ResizeToSquare


@pytest.fixture
def sample():
    image = np.full((40, 60, 3), 100, np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    image[10:14, 20:24] = 250
    mask[10:14, 20:24] = 1
    return {
        'img': image,
        'gt_seg_map': mask,
        'seg_fields': ['gt_seg_map'],
        'img_shape': (40, 60),
        'ori_shape': (40, 60),
        'seg_map_path': 'mask.png',
    }


def test_image_and_mask_stay_aligned_and_padding_is_128_and_background(sample):
    np.random.seed(3)
    step = RandomScaleCropPad(64, (0.5, 2.0))
    seen_padding = seen_crop = False
    for _ in range(60):
        result = step({**sample})
        image, mask = result['img'], result['gt_seg_map']
        assert image.shape == (64, 64, 3)
        assert mask.shape == (64, 64)
        assert result['img_shape'] == (64, 64)
        scale = result['scale_factor'][0]
        padding = (image == 128).all(axis=2)
        assert not mask[padding].any()
        seen_padding |= bool(padding.any())
        seen_crop |= scale * 60 > 64.5
        if mask.any():
            # The target is brighter than anything else, wherever it went.
            assert image[mask > 0].mean() > 160
            assert image[mask == 0].mean() < 135
    assert seen_padding
    assert seen_crop


def test_scale_one_fits_the_image_into_the_square(sample):
    result = RandomScaleCropPad(64, (1.0, 1.0))({**sample})
    expected = resize_image(sample['img'], (43, 64))
    np.testing.assert_array_equal(result['img'][:43], expected)
    assert (result['img'][43:] == 128).all()
    np.testing.assert_array_equal(
        result['gt_seg_map'][:43], resize_mask(sample['gt_seg_map'], (43, 64))
    )
    assert not result['gt_seg_map'][43:].any()


def test_factors_are_uniform_in_the_range(sample):
    np.random.seed(0)
    step = RandomScaleCropPad(60, (0.5, 2.0))
    scales = np.array([step({**sample})['scale_factor'][0] for _ in range(400)])
    assert 0.49 < scales.min() < 0.52
    assert 1.97 < scales.max() < 2.01
    assert scales.mean() == pytest.approx(1.25, abs=0.07)


def test_padding_may_be_ignored_by_the_loss(sample):
    result = RandomScaleCropPad(64, (0.5, 0.5), mask_pad=255)({**sample})
    assert set(np.unique(result['gt_seg_map'])) == {0, 1, 255}
    assert (result['gt_seg_map'][21:] == 255).all()  # 40 / 60 * 32 rows are image


@pytest.mark.parametrize('channels', [1, 3])
def test_float_and_gray_images(sample, channels):
    sample['img'] = sample['img'][..., :channels].astype(np.float32)
    result = RandomScaleCropPad(64, (0.3, 0.3))(sample)
    assert result['img'].shape == (64, 64, channels)
    assert result['img'].dtype == np.float32


def test_images_without_target_or_mask(sample):
    sample['gt_seg_map'][:] = 0
    assert not RandomScaleCropPad(64)({**sample})['gt_seg_map'].any()
    bare = {'img': sample['img']}
    assert RandomScaleCropPad(64)({**bare})['img'].shape == (64, 64, 3)
    assert ResizeToSquare(64)({**bare})['img'].shape == (64, 64, 3)


def test_evaluate_at_input_moves_gt_mask_and_prediction_to_the_square(sample):
    result = ResizeToSquare(32, 'input')({**sample})
    assert result['img'].shape == (32, 32, 3)
    assert result['gt_seg_map'].shape == (32, 32)
    assert result['ori_shape'] == result['img_shape'] == (32, 32)
    assert result['scale_factor'] == (32 / 60, 32 / 40)


def test_evaluate_at_native_leaves_the_gt_mask(sample):
    result = ResizeToSquare(32, 'native')({**sample})
    assert result['img'].shape == (32, 32, 3)
    assert result['gt_seg_map'] is sample['gt_seg_map']
    assert result['ori_shape'] == (40, 60)


def test_predictions_without_gt_mask_come_at_the_native_size(sample):
    for key in ('seg_map_path', 'gt_seg_map', 'seg_fields'):
        del sample[key]
    assert ResizeToSquare(32, 'input')(sample)['ori_shape'] == (40, 60)


def test_evaluate_at_input_needs_the_mask_before(sample):
    del sample['gt_seg_map']
    sample['seg_fields'] = []
    with pytest.raises(ValueError, match=r'mask\.png.*put LoadMask before'):
        ResizeToSquare(32, 'input')(sample)
    assert ResizeToSquare(32, 'native')(sample)['img_shape'] == (32, 32)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'type': 'RandomScaleCropPad', 'size': 0}, 'size'),
        ({'type': 'RandomScaleCropPad', 'size': 8, 'scale_range': (0, 1)}, 'scale_range'),
        ({'type': 'RandomScaleCropPad', 'size': 8, 'scale_range': (2, 1)}, 'scale_range'),
        ({'type': 'RandomScaleCropPad', 'size': 8, 'mask_pad': 1}, 'mask_pad'),
        ({'type': 'ResizeToSquare', 'size': (8, 8)}, 'size'),
        ({'type': 'ResizeToSquare', 'size': 8, 'evaluate_at': 'both'}, 'evaluate_at'),
    ],
)
def test_bad_arguments(arguments, message):
    arguments['type'] = f'mmirstd.{arguments["type"]}'
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build(arguments)
