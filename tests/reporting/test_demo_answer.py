"""The work behind the page; the page itself is tested in a browser, tests/tools/test_demo.py."""

import csv
import json

import cv2
import numpy as np
import pytest
from bright_model import scene

from mmirstd.apis import IRSTDInferencer
from mmirstd.reporting.demo import MAX_CROPS, MAX_MARKED_TARGETS, answer, detect


@pytest.fixture(scope='module')
def detectors(bright):
    inferencer = IRSTDInferencer(*bright)
    return {'one': inferencer, 'two': inferencer}


@pytest.fixture
def deep(tmp_path):
    """A 14-bit image in a 16-bit TIFF."""
    path = tmp_path / 'deep.tif'
    cv2.imwrite(str(path), scene(dtype=np.uint16) // 4)
    return path


def test_what_the_user_gets(detectors, deep, tmp_path):
    found = detect(detectors, deep, model='two', threshold=0.5, intensity_range='minmax')
    shown = answer(found, tmp_path / 'out')
    assert shown.summary.startswith('**2 targets** in deep: 64 x 48 pixels, uint16; largest')
    assert shown.rows == [['D1', 12, 10, 3, 3, 9, 0.9996], ['D2', 50, 30, 3, 3, 9, 0.9996]]
    assert shown.picture.shape == (480, 640, 3)
    assert [caption for _, caption in shown.crops] == ['D1 9 px at (12, 10)', 'D2 9 px at (50, 30)']
    assert all(crop.shape == (240, 240, 3) for crop, _ in shown.crops)
    assert [file.name for file in shown.files] == [
        'deep_mask.png', 'deep_overlay.png', 'deep_targets.csv', 'deep_detections.json'
    ]  # fmt: skip
    mask = cv2.imread(str(shown.files[0]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, found.mask * np.uint8(255))
    with shown.files[2].open() as file:
        assert [row['x'] for row in csv.DictReader(file)] == ['12.000', '50.000']
    (image,) = json.loads(shown.files[3].read_text())['images']
    assert image['file'] == 'deep.tif'  # not where the server keeps uploads
    assert len(image['targets']) == 2


def test_options_reach_the_model_and_leave_it_alone(detectors, deep):
    plain = detectors['one']
    before = plain.options
    assert detect(detectors, deep, model='one', threshold=0.5).targets == []  # dark: a 14-bit image
    options = {'model': 'one', 'tile': 32, 'tta': True, 'intensity_range': 'percentile'}
    found = detect(detectors, deep, threshold=0.5, **options)
    assert len(found.targets) == 2
    assert found.at_threshold(0.9999).targets == []
    assert len(found.at_threshold(0.2).targets) == 2
    assert before == plain.options


def test_of_a_sequence_the_first_frame(detectors, tmp_path):
    path = tmp_path / 'stack.tif'
    cv2.imwritemulti(str(path), [scene(), scene(targets=[(20, 20)])])
    found = detect(detectors, path, model='one', threshold=0.5)
    assert 'its first frame' in answer(found, tmp_path / 'out').summary


def test_thousands_of_targets_do_not_stall_the_page(detectors, tmp_path):
    image = np.zeros((200, 200), np.uint8)
    image[::3, ::3] = 255
    cv2.imwrite(str(tmp_path / 'noise.png'), image)
    found = detect(detectors, tmp_path / 'noise.png', model='one', threshold=0.5)
    shown = answer(found, tmp_path / 'out')
    assert len(shown.rows) == 67 * 67 > MAX_MARKED_TARGETS
    assert shown.crops == []
    assert 'only outlined' in shown.summary
    assert [file.suffix for file in shown.files] == ['.png', '.csv', '.json']
    cv2.imwrite(str(tmp_path / 'some.png'), image[:30, :30])
    found = detect(detectors, tmp_path / 'some.png', model='one', threshold=0.5)
    shown = answer(found, tmp_path / 'out')
    assert len(shown.crops) == MAX_CROPS < len(shown.rows) == 100


def test_bad_input_is_explained_without_the_servers_folders(detectors, tmp_path):
    (tmp_path / 'cut.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    np.save(tmp_path / 'signed.npy', scene(dtype=np.float32))
    for name, message in (
        ('cut.png', r'^cut\.png'),
        ('signed.npy', r'^signed\.npy: pixel type float32 has no natural maximum'),
        ('absent.png', r'^absent\.png: no such file'),
    ):
        with pytest.raises(ValueError, match=message):
            detect(detectors, tmp_path / name, model='one', threshold=0.5)
    cv2.imwrite(str(tmp_path / 'a.png'), scene())
    for options in ({'model': 'three'}, {'threshold': 2}, {'tile': 1}):
        with pytest.raises(ValueError, match=next(iter(options))):
            detect(detectors, tmp_path / 'a.png', **{'model': 'one', 'threshold': 0.5, **options})


def test_an_upload_beyond_the_limit_is_refused_by_its_name(detectors, deep, monkeypatch):
    monkeypatch.setenv('MMIRSTD_MAX_IMAGE_MB', '0.01')
    with pytest.raises(ValueError, match=r'^deep\.tif: 64 x 48 pixels take .* limit'):
        detect(detectors, deep, model='one', threshold=0.5)


def test_what_the_image_shows_is_told_on_the_page(detectors, deep):
    told = []
    for _ in range(2):  # on every image, since the page has other options each time
        detect(detectors, deep, model='one', threshold=0.5, tell=told.append)
    assert len(told) == 2
    assert told[0].startswith('deep.tif: its values 0 to 16383 use 25.00% of uint16')
    detect(detectors, deep, model='one', threshold=0.5, intensity_range='minmax', tell=told.append)
    assert len(told) == 2
