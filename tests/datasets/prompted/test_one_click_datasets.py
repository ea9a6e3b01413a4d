"""Clicks on COCO panoptic in its official layout and on SA-1B, written by the test."""

import json

import cv2
import numpy as np
import pytest
import torch

from mmirstd.datasets.prompted.coco_panoptic import COCOPanopticClicks, segment_ids
from mmirstd.datasets.prompted.one_click import SA1BClicks, edge_size
from mmirstd.datasets.prompted.prompts import interior_click

SEGMENTS = {  # id -> rows, columns, crowd
    5: (slice(0, 20), slice(0, 60), 0),
    70_003: (slice(20, 40), slice(0, 30), 0),
    16_000_000: (slice(20, 40), slice(30, 50), 1),
}


def test_click_is_where_the_mask_is_widest():
    mask = np.zeros((20, 30), np.uint8)
    mask[2:5, 2:25] = 1  # a thin bar
    mask[8:19, 10:21] = 1  # an 11 x 11 square
    assert interior_click(mask) == (15, 13)
    # Touching the border does not help: what is beyond is outside.
    corner = np.zeros((9, 9), bool)
    corner[:3, :3] = True
    assert interior_click(corner) == (1, 1)
    with pytest.raises(ValueError, match='empty'):
        interior_click(np.zeros((4, 4)))


@pytest.fixture
def coco(tmp_path):
    """Two images of 40 x 60; columns 50 to 59 of the lower half belong to no segment."""
    for folder in ('annotations/panoptic_val2017', 'val2017'):
        (tmp_path / folder).mkdir(parents=True)
    annotations = []
    for number in (9, 785):
        name = f'{number:012d}'
        colours = np.zeros((40, 60, 3), np.uint8)
        for identity, (rows, columns, _) in SEGMENTS.items():
            rgb = identity % 256, identity // 256 % 256, identity // 65536
            colours[rows, columns] = rgb[::-1]
        cv2.imwrite(str(tmp_path / f'annotations/panoptic_val2017/{name}.png'), colours)
        image = np.full((40, 60, 3), number % 256, np.uint8)
        cv2.imwrite(str(tmp_path / f'val2017/{name}.jpg'), image)
        infos = [
            {'id': identity, 'category_id': 1, 'iscrowd': crowd, 'area': 1, 'bbox': [0, 0, 1, 1]}
            for identity, (_, _, crowd) in SEGMENTS.items()
        ]
        annotations.append({'image_id': number, 'file_name': f'{name}.png', 'segments_info': infos})
    content = {'images': [], 'annotations': annotations, 'categories': []}
    (tmp_path / 'annotations/panoptic_val2017.json').write_text(json.dumps(content))
    return tmp_path


def test_segments_of_the_official_layout(coco):
    dataset = COCOPanopticClicks(str(coco), short_edge=None)
    assert len(dataset) == 2
    sample = dataset[0]
    assert (sample['inputs'] == 9).float().mean() > 0.9
    masks = sample['data_samples']['masks']
    assert masks.shape == (2, 40, 60)  # the crowd is dropped
    for mask, (rows, columns, _) in zip(masks, SEGMENTS.values(), strict=False):
        expected = torch.zeros(40, 60, dtype=torch.uint8)
        expected[rows, columns] = 1
        assert mask.equal(expected)
    boxes = sample['data_samples']['boxes']
    torch.testing.assert_close(boxes[:, 2:], torch.tensor([[6 / 60, 6 / 40]] * 2))
    for (x, y), mask in zip((boxes[:, :2] * torch.tensor([60, 40])).int(), masks, strict=True):
        assert mask[y, x]
        assert mask[y - 8 : y + 9, x - 8 : x + 9].sum() == 17 * 17  # well inside
    assert sample['data_samples']['kinds'].tolist() == [0, 0]


def test_sizes_of_the_protocol(coco):
    assert edge_size((480, 640), 800, 1333) == (800, 1067)
    assert edge_size((375, 1000), 800, 1333) == (500, 1333)
    sample = COCOPanopticClicks(str(coco), short_edge=80, long_edge=100, point_kind=1)[1]
    assert sample['inputs'].shape == (3, 67, 100)
    assert sample['data_samples']['masks'].shape == (2, 67, 100)
    assert sample['data_samples']['valid'].tolist() == [67, 100]
    assert sample['data_samples']['kinds'].tolist() == [1, 1]


def test_ids_use_all_three_channels():
    assert segment_ids(np.array([[[3, 2, 1]]], np.uint8)).item() == 1 + 256 * 2 + 65536 * 3


def test_missing_and_wrong_files_are_named(coco, tmp_path):
    with pytest.raises(FileNotFoundError, match='panoptic_annotations_trainval2017'):
        COCOPanopticClicks(str(tmp_path / 'nowhere'))
    png = coco / 'annotations/panoptic_val2017/000000000009.png'
    cv2.imwrite(str(png), np.zeros((40, 60, 3), np.uint8))
    with pytest.raises(
        ValueError, match=r'000000000009\.png does not contain the segments \[5, 70003'
    ):
        COCOPanopticClicks(str(coco))[0]
    cv2.imwrite(str(png), np.zeros((40, 50, 3), np.uint8))
    with pytest.raises(ValueError, match=r'000000000009\.png: a colour image of \(40, 60\)'):
        COCOPanopticClicks(str(coco))[0]
    (coco / 'annotations/panoptic_val2017.json').write_text('{"annotations": [{"id": 1}]}')
    with pytest.raises(ValueError, match='segments_info'):
        COCOPanopticClicks(str(coco))


def test_clicks_on_sa1b(tmp_path):
    pytest.importorskip('pycocotools')
    from mmirstd.datasets.synthetic.nested_shapes import draw, write_nested_shapes

    write_nested_shapes(tmp_path, 3, size=(48, 80), first_shard=130)
    sample = SA1BClicks(str(tmp_path), short_edge=None, indices=[2])[0]
    assert (
        sample['data_samples']['masks'].bool().numpy().tolist()
        == draw((48, 80), 0, 2).masks.tolist()
    )
