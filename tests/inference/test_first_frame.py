"""The first frame of a run tells about options that do not fit, once."""

import logging

import cv2
import numpy as np
import pytest
from bright_model import scene, write_onnx

from mmirstd.apis import IRSTDInferencer
from mmirstd.datasets.intensity import IntensityRangeError, describe_unused_range
from mmirstd.datasets.resampling import describe_shrinking
from mmirstd.datasets.transforms import LoadIRImage, ResizeToSquare


@pytest.fixture(scope='module')
def native(bright):
    return IRSTDInferencer(*bright)


@pytest.fixture(scope='module')
def square(bright_square):
    return IRSTDInferencer(*bright_square)


def _warnings(caplog, detector, inputs, **options):
    caplog.clear()
    detector._told.clear()
    with caplog.at_level(logging.WARNING, 'mmirstd'):
        detector(inputs, **options)
    return [record.getMessage() for record in caplog.records if record.name == 'mmirstd']


def test_a_frame_that_is_shrunk_is_told_once(square, caplog):
    large = [scene(200, 300) for _ in range(3)]
    (message,) = _warnings(caplog, square, large)
    assert '300 x 200 pixels are shrunk to 64 x 64' in message
    assert '4.7 times' in message
    assert '--tile-size 64' in message
    square(large)
    assert len([r for r in caplog.records if r.name == 'mmirstd']) == 1


def test_no_word_where_tiles_or_the_size_help(square, native, caplog):
    assert not _warnings(caplog, square, scene(64, 90))
    assert not _warnings(caplog, native, scene(200, 300))
    tiled = IRSTDInferencer.with_options(square, tile_size=64)
    assert not _warnings(caplog, tiled, scene(200, 300))


def test_values_that_use_a_sliver_are_told_with_the_option(native, caplog):
    narrow = 8007 + (scene() // 255 * 41).astype(np.uint16)
    (message,) = _warnings(caplog, native, [narrow, narrow])
    assert 'values 8007 to 8048 use 0.06% of uint16' in message
    assert '--intensity-range 8007 8048' in message
    ranged = native.with_options(intensity_range=(8000, 8060))
    assert not _warnings(caplog, ranged, narrow)


@pytest.mark.parametrize(
    ('values', 'intensity_range', 'told'),
    [
        (np.uint16([0, 65535]), 'dtype', False),
        (np.uint16([0, 30000]), 'dtype', False),
        (np.uint16([0, 16383]), 'dtype', True),  # a 14-bit camera
        (np.uint32([0, 65535]), 'dtype', True),
        (np.uint8([7, 9]), 'dtype', False),
        (np.uint16([500, 500]), 'dtype', False),  # a shutter frame tells nothing
        (np.uint16([8007, 8048]), 'percentile', False),
        (np.uint16([8007, 8048]), 'minmax', False),
        (np.uint16([8007, 8048]), 'raw', False),  # models that standardise each frame
        (np.uint16([8007, 8048]), (0, 16383), True),
        (np.uint16([20000, 30000]), (0, 16383), True),  # all of it is clipped
        (np.float32([18, 22]), (15, 35), False),
    ],
)
def test_how_much_of_a_range_is_used(values, intensity_range, told):
    image = np.resize(values, (4, 4))
    assert bool(describe_unused_range(image, intensity_range)) == told


def test_shrinking_counts_along_the_longer_side():
    assert describe_shrinking((256, 384), (256, 256)) == ''
    assert '2.0 times' in describe_shrinking((256, 512), (256, 256))


def test_pseudo_colour_is_told(native, caplog):
    iron = cv2.applyColorMap(np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1)), cv2.COLORMAP_HOT)
    (message,) = _warnings(caplog, native, iron)
    assert 'it is in colour' in message
    assert not _warnings(caplog, native, np.repeat(scene()[..., None], 3, axis=2))


def test_a_range_that_does_not_fit_the_first_image_ends_the_run(native, tmp_path):
    for k in range(4):
        cv2.imwrite(str(tmp_path / f'{k}.tif'), scene(dtype=np.float32))
    skipped = []
    with pytest.raises(IntensityRangeError, match=r'0\.tif.*--intensity-range LOW HIGH'):
        native(tmp_path, on_error=lambda source, error: skipped.append(source))
    assert not skipped
    cv2.imwrite(str(tmp_path / '0.tif'), scene())
    found = native(tmp_path, on_error=lambda source, error: skipped.append(source))
    assert (len(found), len(skipped)) == (1, 3)


def test_onnx_tells_the_same(square, tmp_path, caplog):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    from mmirstd.inference.onnx_description import Description
    from mmirstd.inference.onnx_detector import OnnxDetector

    detector = OnnxDetector(write_onnx(tmp_path / 'net.onnx', Description(square=64)))
    frame = scene(200, 300)
    assert _warnings(caplog, detector, frame) == _warnings(caplog, square, frame)


@pytest.fixture
def log(monkeypatch):
    lines = []
    monkeypatch.setattr(
        'mmirstd.datasets.transforms.notices.print_log', lambda text, **_: lines.append(text)
    )
    return lines


def test_test_pipelines_tell_the_same_once(log):
    load, resize = LoadIRImage(), ResizeToSquare(64)
    narrow = 8007 + (scene(200, 300) // 255 * 41).astype(np.uint16)
    for _ in range(3):
        sample = load({'img': narrow, 'img_path': 'a.tif', 'seg_map_path': 'm.png'})
        sample |= {'seg_fields': ['gt_seg_map'], 'gt_seg_map': np.zeros((200, 300), np.uint8)}
        resize(sample)
    assert len(log) == 2
    assert log[0].startswith('a.tif: its values 8007 to 8048')
    assert log[1].startswith('a.tif: its 300 x 200 pixels are shrunk')


def test_detectors_are_not_told_twice(log, square, caplog):
    assert len(_warnings(caplog, square, scene(200, 300))) == 1
    assert not log
