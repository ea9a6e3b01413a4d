import csv
import json

import cv2
import numpy as np
import pytest
from bright_model import scene

from mmirstd.inference.results import Detection
from mmirstd.inference.sources import find_sources
from mmirstd.io.outputs.guard import OutputError
from mmirstd.reporting.writers import FORMATS, DetectionWriter, coco_results, run_lengths


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
    results = json.loads((out / 'coco.json').read_text())
    assert [(r['image_id'], r['bbox']) for r in results] == [
        (1, [11, 9, 3, 3]), (1, [49, 29, 3, 3])
    ]  # fmt: skip
    dataset = json.loads((out / 'coco_images.json').read_text())
    assert [(i['id'], i['width']) for i in dataset['images']] == [(1, 64), (2, 30)]


def rebuild(entry):
    """The mask of a COCO entry."""
    height, width = entry['segmentation']['size']
    counts = entry['segmentation']['counts']
    return np.repeat(np.arange(len(counts)) % 2, counts).reshape(width, height).T


def test_coco_masks_decode_to_the_components():
    random = np.random.default_rng(1)
    image = (random.random((23, 31)) > 0.8).astype(np.uint8) * 255
    result = detection(image)
    rebuilt = np.zeros(image.shape, int)
    entries = coco_results(result, 1)
    for index, (target, entry) in enumerate(zip(result.targets, entries, strict=True)):
        part = rebuild(entry)
        assert part.sum() == target.area
        rows, columns = part.nonzero()
        assert (columns.mean(), rows.mean()) == pytest.approx((target.x, target.y))
        np.testing.assert_array_equal(part, result.target_mask(index))
        rebuilt += part
    np.testing.assert_array_equal(rebuilt, result.mask)  # every pixel exactly once


def test_coco_run_lengths_agree_with_pycocotools():
    masks = pytest.importorskip('pycocotools.mask')
    part = np.random.default_rng(2).random((9, 7)) > 0.5
    counts = run_lengths(part.ravel().nonzero()[0], 9, 7)
    compressed = masks.frPyObjects({'size': [9, 7], 'counts': counts}, 9, 7)
    np.testing.assert_array_equal(masks.decode(compressed), part)


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_coco_evaluates_the_written_results(tmp_path, kind):
    coco = pytest.importorskip('pycocotools.coco').COCO
    evaluation = pytest.importorskip('pycocotools.cocoeval').COCOeval
    with DetectionWriter(tmp_path, ['coco'], coco_ids={'a': 70, 'b': 7}) as writer:
        writer.write(detection(scene(), 'a'))
        writer.write(detection(np.zeros((20, 30), np.uint8), 'b'))
    dataset = json.loads((tmp_path / 'coco_images.json').read_text())
    boxes = [[11, 9, 3, 3], [49, 29, 3, 3]]
    dataset['annotations'] = [
        {
            'id': k, 'image_id': 70, 'category_id': 1, 'iscrowd': 0, 'area': 9, 'bbox': box,
            'segmentation': [[box[0], box[1], box[0] + 3, box[1],
                              box[0] + 3, box[1] + 3, box[0], box[1] + 3]],
        }
        for k, box in enumerate(boxes, start=1)
    ]  # fmt: skip
    gt_mask = tmp_path / 'gt.json'
    gt_mask.write_text(json.dumps(dataset))
    gt_mask = coco(str(gt_mask))
    evaluated = evaluation(gt_mask, gt_mask.loadRes(str(tmp_path / 'coco.json')), kind)
    evaluated.evaluate()
    evaluated.accumulate()
    evaluated.summarize()
    assert evaluated.stats[0] == pytest.approx(1)


def test_an_image_that_the_dataset_lacks_has_no_id(tmp_path):
    with (
        pytest.raises(ValueError, match='b: the COCO dataset has no image'),
        DetectionWriter(tmp_path, ['coco'], coco_ids={'a': 70}) as writer,
    ):
        writer.write(detection(scene(), 'b'))


def test_two_images_of_one_id_are_an_error(tmp_path):
    with DetectionWriter(tmp_path, ['coco'], coco_ids={'a': 70}) as writer:
        writer.write(detection(scene(), 'a'))
        with pytest.raises(ValueError, match='b/a and a would both be image 70'):
            writer.write(detection(scene(), 'b/a'))


@pytest.mark.parametrize('value', [0, 255])
def test_run_lengths_of_nothing_and_everything(value):
    counts = run_lengths(np.full((2, 2), value).ravel().nonzero()[0], 2, 2)
    assert sum(counts) == 4
    assert counts == ([4] if value == 0 else [0, 4, 0])


def test_a_file_without_detections_is_json(tmp_path):
    with DetectionWriter(tmp_path, ['json', 'coco']):
        pass
    assert json.loads((tmp_path / 'detections.json').read_text()) == {'images': []}
    assert json.loads((tmp_path / 'coco.json').read_text()) == []


def test_inputs_are_not_overwritten(tmp_path):
    (tmp_path / 'masks').mkdir()
    image = tmp_path / 'masks/a.png'
    cv2.imwrite(str(image), scene())
    before = image.read_bytes()
    for options in ({}, {'inputs': [image], 'overwrite': True}):
        with (
            pytest.raises((OutputError, FileExistsError), match=r'input|already exists'),
            DetectionWriter(tmp_path, **options) as writer,
        ):
            writer.write(detection(scene()))
    assert image.read_bytes() == before


@pytest.mark.parametrize('name', ['../../a', 'x/../../../a'])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    with (
        pytest.raises(OutputError, match='outside of'),
        DetectionWriter(tmp_path / 'out', ['mask']) as writer,
    ):
        writer.write(detection(scene(), name))


def test_two_images_of_one_name_are_noticed(tmp_path):
    with DetectionWriter(tmp_path, ['mask']) as writer:
        writer.write(detection(scene(), 'a'))
        with pytest.raises(FileExistsError, match='two results have the same name'):
            writer.write(detection(scene(), 'a'))


def test_an_interrupted_run_leaves_no_half_json(tmp_path):
    def interrupted():
        with DetectionWriter(tmp_path, ['csv', 'json']) as writer:
            writer.write(detection(scene()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not (tmp_path / 'detections.json').exists()
    assert not (tmp_path / 'targets.csv').exists()
    assert len((tmp_path / 'targets.part.csv').read_text().splitlines()) == 3


@pytest.mark.parametrize('formats', [[], ['mask', 'xml']])
def test_unknown_formats(tmp_path, formats):
    with pytest.raises(ValueError, match='choose from mask'):
        DetectionWriter(tmp_path, formats)
