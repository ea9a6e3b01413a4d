import csv
import json

import cv2
import numpy as np
import pytest
from bright_network import scene

from mmirstd.inference.results import Detection
from mmirstd.inference.sources import find_sources
from mmirstd.reporting.writers import FORMATS, DetectionWriter, coco_annotation, run_lengths


def detection(image, name='a'):
    (source,) = find_sources(image)
    object.__setattr__(source, 'name', name)
    gray = image if image.ndim == 2 else image[..., 0]
    return Detection.from_probability(source, image, gray.astype(np.float32) / 255, 0.5)


def test_every_format(tmp_path):
    with DetectionWriter(tmp_path / 'out', FORMATS) as writer:
        writer.write(detection(scene(), 'night/one'))
        writer.write(detection(np.zeros((20, 30), np.uint8), 'two'))
        assert not (tmp_path / 'out/coco.json').exists()  # whole files only
    out = tmp_path / 'out'
    mask = cv2.imread(str(out / 'masks/night/one.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(mask, scene())
    probability = cv2.imread(str(out / 'probability/night/one.png'), cv2.IMREAD_UNCHANGED)
    assert probability.dtype == np.uint16
    assert set(np.unique(probability)) == {0, 65535}
    assert cv2.imread(str(out / 'overlays/two.png')).shape[2] == 3
    with (out / 'targets.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [(r['image'], float(r['x']), float(r['y']), r['area']) for r in rows] == [
        ('night/one', 12.0, 10.0, '9'), ('night/one', 50.0, 30.0, '9')
    ]  # fmt: skip
    images = json.loads((out / 'detections.json').read_text())['images']
    assert [(i['name'], i['height'], i['width'], len(i['targets'])) for i in images] == [
        ('night/one', 48, 64, 2), ('two', 20, 30, 0)
    ]  # fmt: skip
    assert images[0]['targets'][0]['box'] == [11, 9, 14, 12]
    coco = json.loads((out / 'coco.json').read_text())
    assert [i['id'] for i in coco['images']] == [1, 2]
    assert [(a['id'], a['image_id'], a['bbox']) for a in coco['annotations']] == [
        (1, 1, [11, 9, 3, 3]), (2, 1, [49, 29, 3, 3])
    ]  # fmt: skip


def test_coco_masks_decode_to_the_components():
    random = np.random.default_rng(1)
    image = (random.random((23, 31)) > 0.8).astype(np.uint8) * 255
    result = detection(image)
    rebuilt = np.zeros(image.shape, int)
    for target in result.targets:
        entry = coco_annotation(target, result.mask, 1)
        height, width = entry['segmentation']['size']
        counts = entry['segmentation']['counts']
        values = np.arange(len(counts)) % 2
        part = np.repeat(values, counts).reshape(width, height).T
        assert part.sum() == target.area == entry['area']
        rows, columns = part.nonzero()
        assert (columns.mean(), rows.mean()) == pytest.approx((target.x, target.y))
        rebuilt += part
    np.testing.assert_array_equal(rebuilt, result.mask)  # every pixel exactly once


def test_coco_run_lengths_agree_with_pycocotools():
    masks = pytest.importorskip('pycocotools.mask')
    part = np.random.default_rng(2).random((9, 7)) > 0.5
    counts = run_lengths(part, (0, 0), 9, 7)
    compressed = masks.frPyObjects({'size': [9, 7], 'counts': counts}, 9, 7)
    np.testing.assert_array_equal(masks.decode(compressed), part)


@pytest.mark.parametrize('part', [np.zeros((2, 2), bool), np.ones((2, 2), bool)])
def test_run_lengths_of_nothing_and_everything(part):
    assert sum(run_lengths(part, (0, 0), 2, 2)) == 4
    assert run_lengths(part, (0, 0), 2, 2)[-1] == (0 if part.all() else 4)


def test_an_interrupted_run_leaves_no_half_json(tmp_path):
    def interrupted():
        with DetectionWriter(tmp_path, ['csv', 'json']) as writer:
            writer.write(detection(scene()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not (tmp_path / 'detections.json').exists()
    assert len((tmp_path / 'targets.csv').read_text().splitlines()) == 3


@pytest.mark.parametrize('formats', [[], ['mask', 'xml']])
def test_unknown_formats(tmp_path, formats):
    with pytest.raises(ValueError, match='choose out of mask'):
        DetectionWriter(tmp_path, formats)
