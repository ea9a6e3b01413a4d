"""Boxes and polygons become masks of the right pixels, or are refused by name."""

import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmirstd.datasets.labels.conversion import convert_labels, draw_shapes
from mmirstd.datasets.labels.formats import Shape, read_labels
from mmirstd.io.images.masks import read_mask

TOOL = runpy.run_path(str(Path(__file__).parents[3] / 'tools/convert_labels.py'))['main']
POLYGON = [22, 27, 26, 27, 26, 33, 22, 33]  # 4 x 6 pixels


def _expected():
    mask = np.zeros((64, 48), np.uint8)
    mask[27:33, 22:26] = 1
    return mask


@pytest.fixture
def root(tmp_path):
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/a.png'), np.zeros((64, 48), np.uint8))
    return tmp_path


def _coco(**annotation):
    return json.dumps(
        {
            'images': [{'id': 7, 'file_name': 'a.png', 'height': 64, 'width': 48}],
            'annotations': [{'id': 1, 'image_id': 7, 'category_id': 3, **annotation}],
            'categories': [{'id': 3, 'name': 'drone'}],
        }
    )


def _voc(sides=(22, 27, 26, 33), head=''):
    names = ('xmin', 'ymin', 'xmax', 'ymax')
    box = ''.join(f'<{n}>{s}</{n}>' for n, s in zip(names, sides, strict=True))
    return (
        f'{head}<annotation><object><name>drone</name><bndbox>{box}</bndbox></object></annotation>'
    )


def _labelme(kind, points):
    shape = {'label': 'drone', 'shape_type': kind, 'points': points}
    return json.dumps({'shapes': [shape], 'imageHeight': 64, 'imageWidth': 48})


RUNS = [22 * 64 + 27, 6, 58, 6, 58, 6, 58, 6, 64 * 48 - (25 * 64 + 33)]
LABELS = {
    'coco polygon': ('labels.json', _coco(segmentation=[POLYGON])),
    'coco box': ('labels.json', _coco(bbox=[22, 27, 4, 6], segmentation=[])),
    'coco runs': ('labels.json', _coco(segmentation={'size': [64, 48], 'counts': RUNS})),
    'voc': ('labels/a.xml', _voc()),
    'yolo': ('labels/a.txt', f'0 {24 / 48:.6f} {30 / 64:.6f} {4 / 48:.6f} {6 / 64:.6f}'),
    'yolo polygon': (
        'labels/a.txt',
        '0 ' + ' '.join(f'{v / (48, 64)[k % 2]:.6f}' for k, v in enumerate(POLYGON)),
    ),
    'labelme': ('labels/a.json', _labelme('polygon', np.reshape(POLYGON, (-1, 2)).tolist())),
    'labelme box': ('labels/a.json', _labelme('rectangle', [[26, 33], [22, 27]])),
}


@pytest.mark.parametrize('name', LABELS)
def test_every_kind_gives_the_same_mask(root, name):
    if name == 'coco runs':
        pytest.importorskip('pycocotools')
    file, content = LABELS[name]
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text(content)
    result = convert_labels(root / 'images', root / file.split('/')[0], root / 'masks')
    np.testing.assert_array_equal(read_mask(root / 'masks/a.png'), _expected())
    assert (result.masks, result.targets, result.empty) == (1, 1, 0)
    assert result.boxes == ('box' in name or name in ('voc', 'yolo'))
    assert bool(result.notes) == bool(result.boxes)


def test_small_shapes_do_not_vanish():
    tiny = Shape('t', (np.array([[10.6, 5.6], [10.9, 5.6], [10.9, 5.9]]),))
    point = Shape('t', (np.array([[3.2, 7.9]]),), point=True)
    mask = draw_shapes([tiny, point], (20, 20), 'x')
    assert np.argwhere(mask).tolist() == [[5, 10], [7, 3]]


def test_a_triangle_covers_the_centres_inside():
    mask = draw_shapes([Shape('t', (np.array([[0, 0], [4, 0], [0, 4]]),))], (5, 5), 'x')
    assert mask.sum(axis=1).tolist() == [4, 3, 2, 1, 0] or mask.sum(axis=1).tolist() == [
        3,
        2,
        1,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ('file', 'content', 'message'),
    [
        ('labels.json', _coco(segmentation=[[90, 90, 95, 90, 95, 95]]), r'outside of the image'),
        ('labels.json', _coco(segmentation=None), r"labels\.json.*'bbox' is missing"),
        ('labels.json', '{"images": 3}', r'labels\.json: not a label file of kind coco'),
        ('labels.json', _coco(bbox=[1, 1, 2, 2]).replace('64', '99'), r'99 pixels, but .*a\.png'),
        ('labels.json', _coco(bbox=[1, 1, 2, 2]).replace('a.png', 'b.png'), r"called 'b'"),
        ('labels/a.xml', _voc(head='<!DOCTYPE x [<!ENTITY a "b">]>'), r'a\.xml.*entities'),
        ('labels/a.xml', _voc(sides=(9, 9, 3, 3)), r'a\.xml.*is not a box'),
        ('labels/a.txt', '0 24 30 4 6', r'a\.txt.*line 1.*fractions'),
        ('labels/a.json', _labelme('line', [[1, 1], [2, 2]]), r"a\.json.*'line' are not supported"),
        ('labels/b.xml', _voc(), r"b\.xml: there is no image called 'b'"),
    ],
)
def test_what_cannot_be_converted_is_named_and_nothing_is_written(root, file, content, message):
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text(content)
    kind = {'.xml': 'voc', '.txt': 'yolo'}.get(Path(file).suffix, 'labelme')
    kind = kind if '/' in file else 'coco'
    with pytest.raises(ValueError, match=message):
        convert_labels(root / 'images', root / file.split('/')[0], root / 'masks', kind=kind)
    assert not (root / 'masks').exists()


def test_images_without_labels(root):
    cv2.imwrite(str(root / 'images/b.png'), np.zeros((64, 48), np.uint8))
    (root / 'labels').mkdir()
    (root / 'labels/a.xml').write_text(_voc())
    with pytest.raises(ValueError, match=r'no labels in .* for 1 of 2 images'):
        convert_labels(root / 'images', root / 'labels', root / 'masks')
    assert convert_labels(root / 'images', root / 'labels', root / 'm1', missing='skip').masks == 1
    result = convert_labels(root / 'images', root / 'labels', root / 'm2', missing='empty')
    assert (result.masks, result.empty) == (2, 1)


def test_classes_are_chosen(root):
    (root / 'labels.json').write_text(_coco(bbox=[22, 27, 4, 6]))
    result = convert_labels(root / 'images', root / 'labels.json', root / 'm', classes=['bird'])
    assert (result.targets, result.empty) == (0, 1)
    assert "classes ['drone']" in result.notes[0]


def test_no_folder_with_files_is_written_to(root):
    (root / 'labels.json').write_text(_coco(bbox=[22, 27, 4, 6]))
    with pytest.raises(FileExistsError, match='images exists and is not an empty folder'):
        convert_labels(root / 'images', root / 'labels.json', root / 'images')


def test_the_tool(root, capsys):
    (root / 'labels').mkdir()
    (root / 'labels/a.xml').write_text(_voc())
    words = [str(root / name) for name in ('images', 'labels', 'masks')]
    assert TOOL(words) == 0
    assert '1 mask with 1 target from labels of kind voc' in capsys.readouterr().out
    assert TOOL(words) == 1
    assert 'not an empty folder' in capsys.readouterr().err


def test_xml_files_of_sirst(data_root):
    folder = data_root / 'layouts/sirst/masks'
    if not list(folder.glob('*.xml')):
        pytest.skip('the excerpt has no xml files')
    assert read_labels(folder, 'voc')
