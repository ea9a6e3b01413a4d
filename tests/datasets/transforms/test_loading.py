import logging

import cv2
import mmseg.datasets.transforms
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.logging import MMLogger
from mmengine.registry import TRANSFORMS, DefaultScope
from mmseg.models import SegDataPreProcessor
from PIL import Image

from mmirstd.datasets.transforms import BinarizeMask, LoadIRImage, LoadMask, loading
from mmirstd.io.images.limits import ImageReadError

assert mmseg.datasets.transforms  # registers MMSeg's own steps


@pytest.fixture
def pair(tmp_path):
    """8-bit image 20 x 30 and 0/255 mask with three target pixels."""
    image = np.random.default_rng(0).integers(0, 200, (20, 30), dtype=np.uint8)
    mask = np.zeros((20, 30), np.uint8)
    mask[4, 5:8] = 255
    Image.fromarray(image).save(tmp_path / 'image.png')
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    return {
        'img_path': str(tmp_path / 'image.png'),
        'seg_map_path': str(tmp_path / 'mask.png'),
        'seg_fields': [],
    }


def _build(*steps):
    with DefaultScope.overwrite_default_scope('mmseg'):
        return Compose(list(steps))


def test_gray_file_as_three_equal_channels(pair):
    results = LoadIRImage()({**pair})
    assert results['img'].shape == (20, 30, 3)
    assert results['img'].dtype == np.uint8
    assert results['img'].flags.c_contiguous
    assert (results['img'] == results['img'][..., :1]).all()
    assert results['img_shape'] == results['ori_shape'] == (20, 30)
    np.testing.assert_array_equal(results['img'][..., 0], np.array(Image.open(pair['img_path'])))


def test_one_channel_of_gray_and_colour_files(tmp_path, pair):
    gray = LoadIRImage(channels=1)({**pair})['img']
    assert gray.shape == (20, 30, 1)
    Image.open(pair['img_path']).convert('RGB').save(tmp_path / 'rgb.png')
    same = LoadIRImage(channels=1)({'img_path': str(tmp_path / 'rgb.png')})['img']
    np.testing.assert_array_equal(gray, same)
    Image.fromarray(np.full((2, 2, 3), (0, 255, 0), np.uint8)).save(tmp_path / 'green.png')
    green = LoadIRImage(channels=1)({'img_path': str(tmp_path / 'green.png')})['img']
    assert (green == 150).all()  # 0.587 * 255, ITU-R 601


def test_colour_order_is_bgr(tmp_path):
    Image.fromarray(np.full((2, 2, 3), (1, 2, 3), np.uint8)).save(tmp_path / 'rgb.png')
    assert (LoadIRImage()({'img_path': str(tmp_path / 'rgb.png')})['img'] == (3, 2, 1)).all()


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('colour', [False, True])
def test_16_bit_and_float_become_float_in_0_to_255(tmp_path, channels, colour):
    values = np.linspace(0, 65535, 60).reshape(6, 10).astype(np.uint16)
    values = np.stack([values] * 3, -1) if colour else values
    cv2.imwrite(str(tmp_path / 'deep.png'), values)
    np.save(tmp_path / 'deep.npy', values.astype(np.float32))
    png = LoadIRImage(channels)({'img_path': str(tmp_path / 'deep.png')})['img']
    npy = LoadIRImage(channels, intensity_range=(0, 65535))({'img_path': tmp_path / 'deep.npy'})
    for image in (png, npy['img']):
        assert image.shape == (6, 10, channels)
        assert image.dtype == np.float32
        assert len(np.unique(image.round(4))) == 60  # all 60 levels, 8 bits would do too ...
    np.testing.assert_allclose(png, npy['img'], atol=1e-3)
    cv2.imwrite(str(tmp_path / 'close.png'), np.arange(1000, 1060, dtype=np.uint16)[None])
    close = LoadIRImage(channels)({'img_path': str(tmp_path / 'close.png')})['img']
    assert len(np.unique(close)) == 60  # ... but not here


def test_float_file_without_range_is_an_error_naming_it(tmp_path):
    np.save(tmp_path / 'kelvin.npy', np.full((4, 4), 293.0, np.float32))
    with pytest.raises(ValueError, match=r'kelvin\.npy.*intensity_range'):
        LoadIRImage()({'img_path': str(tmp_path / 'kelvin.npy')})


def test_arrays_and_bare_inputs(pair):
    expected = LoadIRImage()({**pair})['img']
    array = expected[..., 0].copy()
    for given in ({'img': array}, array, expected, array[..., None], pair['img_path']):
        results = LoadIRImage()(given)
        np.testing.assert_array_equal(results['img'], expected)
        assert results['ori_shape'] == (20, 30)
    assert LoadIRImage()(array)['img_path'] is None


def test_unusable_arrays():
    with pytest.raises(ImageReadError, match=r'image array.*\(2, 3, 4, 5\)'):
        LoadIRImage()(np.zeros((2, 3, 4, 5)))
    with pytest.raises(ImageReadError, match=r'image array: NaN or infinite: 1 of 4 pixel values'):
        LoadIRImage()(np.array([[1.0, np.nan], [0, 0]]))


@pytest.mark.parametrize('name', ['LoadImageFromFile', 'InferencerLoader', 'LoadImageFromNDArray'])
def test_stock_names_mean_this_loader_in_its_own_scope_only(name):
    with DefaultScope.overwrite_default_scope('mmseg'):
        ours = TRANSFORMS.build({'type': name, '_scope_': 'mmirstd', 'channels': 1})
        stock = TRANSFORMS.build({'type': name})
    assert isinstance(ours, LoadIRImage)
    assert ours.channels == 1
    assert not isinstance(stock, LoadIRImage)


def test_mask_is_zero_and_one(pair):
    results = _build({'type': 'mmirstd.LoadIRImage'}, {'type': 'mmirstd.LoadMask'})({**pair})
    assert results['gt_seg_map'].dtype == np.uint8
    assert np.unique(results['gt_seg_map']).tolist() == [0, 1]
    assert results['gt_seg_map'].sum() == 3
    assert results['seg_fields'] == ['gt_seg_map']


def test_void_pixels_become_the_ignored_label(pair, monkeypatch):
    said = []
    monkeypatch.setattr(loading, 'print_log', lambda text, **how: said.append(text))
    path = pair['seg_map_path']
    shape = np.array(Image.open(path)).shape
    stored = np.zeros(shape, np.uint8)
    stored[1, 1:4], stored[2, 1:3] = 255, 1
    Image.fromarray(stored).save(path)
    with pytest.raises(ImageReadError, match='3 pixels are 255 beside the labels 0, 1'):
        LoadMask()(LoadIRImage()({**pair}))
    results = LoadMask(void_value=255)(LoadIRImage()({**pair}))
    np.testing.assert_array_equal(results['gt_seg_map'], stored)
    assert said == []
    Image.fromarray(np.uint8(stored > 0) * 255).save(
        path
    )  # 0 and 255: targets, but said to be void
    step = LoadMask(void_value=255)
    for _ in range(2):
        results = step(LoadIRImage()({**pair}))
        assert np.unique(results['gt_seg_map']).tolist() == [0, 255]
    (text,) = said
    assert 'has pixels of 255 (void_value) and no target' in text
    assert np.unique(LoadMask()(LoadIRImage()({**pair}))['gt_seg_map']).tolist() == [0, 1]


def test_mask_steps_do_nothing_without_mask(pair):
    del pair['seg_map_path']
    results = LoadIRImage()(pair)
    for step in (LoadMask(), BinarizeMask()):
        assert 'gt_seg_map' not in step(results)


def test_size_mismatch_is_an_error_naming_files_and_sizes(pair, tmp_path):
    Image.fromarray(np.zeros((40, 61), np.uint8)).save(tmp_path / 'mask.png')
    with pytest.raises(
        ValueError, match=r'mask\.png is 40 x 61 .*image\.png is 20 x 30.*on_size_mismatch'
    ):
        LoadMask()(LoadIRImage()(pair))


def _resized_with_log(step, pair):
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    try:
        masks = [step(LoadIRImage()({**pair}))['gt_seg_map'] for _ in range(3)]
    finally:
        logger.removeHandler(handler)
    return masks, [record.getMessage() for record in records]


def test_size_mismatch_resizes_on_demand_and_warns_once(pair, tmp_path):
    mask = np.zeros((40, 60), np.uint8)
    mask[8:10, 10:16] = 255
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    masks, messages = _resized_with_log(LoadMask(on_size_mismatch='resize'), pair)
    assert masks[0].shape == (20, 30)
    assert np.argwhere(masks[0]).tolist() == [[4, 5], [4, 6], [4, 7]]
    assert len(messages) == 1
    assert 'mask.png is 40 x 60' in messages[0]


def test_declared_mismatch_is_resized_but_no_other(pair, tmp_path):
    Image.fromarray(np.full((40, 60), 255, np.uint8)).save(tmp_path / 'mask.png')
    masks, messages = _resized_with_log(LoadMask(), {**pair, 'mismatched_mask_shape': (40, 60)})
    assert masks[0].shape == (20, 30)
    assert not messages  # the dataset has announced it
    with pytest.raises(ValueError, match='40 x 60'):
        LoadMask()(LoadIRImage()({**pair, 'mismatched_mask_shape': (41, 60)}))


def test_mask_needs_the_image_first(pair):
    with pytest.raises(ValueError, match=r'mask\.png: LoadMask must come after'):
        LoadMask()(pair)


def test_unreadable_mask_is_named(pair, tmp_path):
    (tmp_path / 'mask.png').write_bytes(b'')
    with pytest.raises(ImageReadError, match=r'mask\.png: the file is empty'):
        LoadMask()(LoadIRImage()(pair))


@pytest.mark.parametrize('top', [1, 255])
def test_stock_annotations_become_trainable_by_binarize(pair, tmp_path, top):
    mask = np.zeros((20, 30), np.uint8)
    mask[2, 2:5] = top
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    stock = {'type': 'LoadImageFromFile'}, {'type': 'LoadAnnotations'}
    raw = _build(*stock)({**pair, 'reduce_zero_label': False})['gt_seg_map']
    assert raw.max() == top  # 255 is MMSeg's ignore label
    ours = _build(*stock, {'type': 'mmirstd.BinarizeMask'})({**pair, 'reduce_zero_label': False})
    assert ours['gt_seg_map'].sum() == 3
    assert ours['gt_seg_map'].max() == 1


def test_binarize_colour_label_maps():
    results = BinarizeMask()({'gt_seg_map': np.array([[[0, 0, 9], [0, 0, 0]]], np.uint8)})
    assert results['gt_seg_map'].tolist() == [[1, 0]]


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('bits', [8, 16])
def test_whole_pipeline_through_stock_packing_and_preprocessing(pair, tmp_path, channels, bits):
    if bits == 16:
        deep = np.array(Image.open(pair['img_path'])).astype(np.uint16) * 257
        cv2.imwrite(str(tmp_path / 'image.png'), deep)
    pipeline = _build(
        {'type': 'LoadImageFromFile', '_scope_': 'mmirstd', 'channels': channels},
        {'type': 'mmirstd.LoadMask'},
        {'type': 'mmirstd.RandomScaleCropPad', 'size': 32, 'scale_range': (1.0, 1.0)},
        {'type': 'RandomFlip', 'prob': 1.0},
        {'type': 'PackSegInputs'},
    )
    packed = [pipeline({**pair, 'seg_fields': []}) for _ in range(2)]
    mean, std = [100.0] * channels, [50.0] * channels
    preprocessor = SegDataPreProcessor(mean=mean, std=std, bgr_to_rgb=channels == 3, size=(32, 32))
    batch = preprocessor(
        {
            'inputs': [sample['inputs'] for sample in packed],
            'data_samples': [sample['data_samples'] for sample in packed],
        },
        training=True,
    )
    assert batch['inputs'].shape == (2, channels, 32, 32)
    gt_mask = batch['data_samples'][0].gt_sem_seg.data
    assert gt_mask.shape == (1, 32, 32)
    assert gt_mask.dtype == torch.int64
    assert gt_mask.sum() > 0
    # Height 20 of 30 fills 21 of 32 rows; what is below is padded with 128 before normalisation.
    assert torch.allclose(batch['inputs'][:, :, 22:], torch.tensor((128 - 100) / 50))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'type': 'mmirstd.LoadIRImage', 'channels': 2}, 'channels'),
        ({'type': 'mmirstd.LoadIRImage', 'intensity_range': '8bit'}, 'intensity_range'),
        ({'type': 'mmirstd.LoadMask', 'on_size_mismatch': 'ignore'}, 'on_size_mismatch'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build(arguments)
