"""Damaged lists, masks and annotation files: only the documented errors come out."""

import json

import cv2
import numpy as np
import pytest
from bright_model import scene
from damage import VARIANTS, damaged

from mmirstd.datasets.labels.conversion import convert_labels
from mmirstd.datasets.labels.rle import AnnotationError, read_codes
from mmirstd.datasets.lists import parse_list, read_list
from mmirstd.datasets.prompted.coco_panoptic import COCOPanopticClicks
from mmirstd.datasets.prompted.mask_sources import find_coco
from mmirstd.inference.torch_detector import IRSTDInferencer
from mmirstd.io.images.masks import read_mask
from mmirstd.reporting.report import evaluate, pair_with_masks

LIST = b'images/Misc_1.png\r\nMisc_2\n./a/b.c.png\nMisc_3\n\nMisc_4'


def test_lists(tmp_path):
    random = np.random.default_rng(4)
    path, messages = tmp_path / 'train.txt', []
    for _ in range(VARIANTS * 4):
        path.write_bytes(damaged(LIST, random))
        try:
            names = read_list(path)
        except ValueError as error:
            messages.append(str(error))
        else:
            assert names
            assert all(name and '..' not in name.split('/') for name in names)
    assert all('train.txt' in message for message in messages)
    assert len(messages) > VARIANTS / 4


@pytest.mark.parametrize('content', [b'', b'\n\n', b'\xff\xfe', b'../x.png', b'a.png\na.bmp'])
def test_lists_of_another_form(content):
    with pytest.raises(ValueError, match='odd list'):
        parse_list(content, 'odd list')


@pytest.mark.filterwarnings('ignore')
def test_masks_of_an_evaluation(bright, tmp_path):
    detector = IRSTDInferencer(*bright)
    for folder in ('images', 'masks'):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / 'a.png'), scene())
    mask = tmp_path / 'masks' / 'a.png'
    content, random, messages = mask.read_bytes(), np.random.default_rng(5), []
    for _ in range(VARIANTS // 3):
        mask.write_bytes(damaged(content, random))
        pairs = pair_with_masks(tmp_path / 'images', tmp_path / 'masks')
        try:
            assert evaluate(detector, pairs).result.images[0].pixels == 48 * 64
        except (ValueError, OSError) as error:
            messages.append(str(error))
    assert len(messages) > VARIANTS / 30


INSTANCES = {
    'images': [{'id': 1, 'file_name': 'a.jpg', 'height': 8, 'width': 8}],
    'annotations': [
        {'image_id': 1, 'iscrowd': 0, 'segmentation': [[1, 1, 5, 1, 5, 5]]},
        {'image_id': 1, 'iscrowd': 1, 'segmentation': {'size': [8, 8], 'counts': [64]}},
    ],
}
PANOPTIC = {'annotations': [{'file_name': 'a.png', 'segments_info': [{'id': 1, 'iscrowd': 0}]}]}
ODD = (
    [], {}, 1, None, 'x', {'images': 1, 'annotations': 2}, {'images': [1], 'annotations': []},
    {'images': [], 'annotations': [[]]}, {'images': [{}], 'annotations': [{}]},
    {'annotations': [{'segments_info': 1}]}, {'annotations': {}}, {'annotations': [7]},
)  # fmt: skip


def odd_and_damaged(content, random):
    yield from (json.dumps(odd).encode() for odd in ODD)
    yield b'[' * 100_000
    for _ in range(VARIANTS * 2):
        yield damaged(json.dumps(content).encode(), random)


def test_coco_files(tmp_path):
    path, messages = tmp_path / 'instances.json', []
    for content in odd_and_damaged(INSTANCES, np.random.default_rng(6)):
        path.write_bytes(content)
        try:
            find_coco(path, tmp_path)
        except ValueError as error:
            messages.append(str(error))
    assert all('instances.json' in message for message in messages)
    assert len(messages) > VARIANTS


def test_panoptic_files(tmp_path):
    path, messages = tmp_path / 'panoptic.json', []
    for content in odd_and_damaged(PANOPTIC, np.random.default_rng(7)):
        path.write_bytes(content)
        try:
            COCOPanopticClicks(str(tmp_path), ann_file=path.name, seg_dir='.', image_dir='.')
        except ValueError as error:
            messages.append(str(error))
    assert all('panoptic.json' in message for message in messages)
    assert len(messages) > VARIANTS


def test_masks_of_sa1b():
    pytest.importorskip('pycocotools')
    content = {'annotations': [{'segmentation': {'size': [8, 8], 'counts': [3, 5, 56]}}]}
    messages = []
    for text in odd_and_damaged(content, np.random.default_rng(8)):
        try:
            codes = read_codes(text, (8, 8), 'sa_1')
        except AnnotationError as error:
            messages.append(str(error))
        else:
            assert all(tuple(code['size']) == (8, 8) for code in codes)
    assert all('sa_1' in message for message in messages)
    assert len(messages) > VARIANTS


VOC = """<annotation><size><width>8</width><height>8</height></size><object><name>t</name><bndbox>
<xmin>2</xmin><ymin>2</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></object></annotation>"""
LABELS = {
    'coco': ('labels.json', json.dumps(INSTANCES)),
    'voc': ('labels/a.xml', VOC),
    'yolo': ('labels/a.txt', '0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.2 0.1 0.2 0.2\n'),
    'labelme': (
        'labels/a.json',
        '{"shapes": [{"label": "t", "points": [[1, 1], [5, 1], [5, 5]]}]}',
    ),
}


@pytest.mark.parametrize('kind', LABELS)
def test_label_files(tmp_path, kind):
    name, content = LABELS[kind]
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/a.png'), np.zeros((8, 8), np.uint8))
    path, random, messages = tmp_path / name, np.random.default_rng(9), []
    path.parent.mkdir(exist_ok=True)
    place = path if kind == 'coco' else path.parent
    for k in range(VARIANTS * 2):
        path.write_bytes(content.encode() if k == 0 else damaged(content.encode(), random))
        masks = tmp_path / f'masks_{k}'
        try:
            convert_labels(tmp_path / 'images', place, masks, kind=kind)
        except (ValueError, OSError) as error:
            messages.append(str(error))
            assert not masks.exists()
        else:
            assert read_mask(masks / 'a.png').shape == (8, 8)
            assert k or read_mask(masks / 'a.png').any()
    assert all(str(tmp_path) in message for message in messages)
    assert len(messages) > VARIANTS / 4
    assert len(messages) < VARIANTS * 2
