"""SA-1B: layouts, guards, determinism, prompts and targets; procedural images in its format."""

import dataclasses
import json
import shutil
import sys
import tarfile

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip('pycocotools')

from mmirstd.datasets.labels.rle import AnnotationError, decode, encode, read_codes
from mmirstd.datasets.prompted.mask_sources import find_sa1b, parse_shards
from mmirstd.datasets.prompted.prompts import click_boxes, jitter_boxes, mask_box, sample_prompts
from mmirstd.datasets.prompted.sa1b import COCOMaskDataset, SA1BDataset
from mmirstd.datasets.prompted.sampler import ResumableSampler
from mmirstd.datasets.synthetic.nested_shapes import draw, write_nested_shapes

PROMPTS = {'size': 64, 'num_prompts': 5}
OPTIONS = {**PROMPTS, 'shards': '20'}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp('folder')
    write_nested_shapes(root, 6, size=(48, 80), seed=1)
    return root


@pytest.fixture(scope='module')
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp('archive')
    write_nested_shapes(root, 6, size=(48, 80), seed=1, archive=True)
    return root


def same(a: dict, b: dict) -> bool:
    tensors = all(
        a['data_samples'][key].equal(b['data_samples'][key])
        for key in ('boxes', 'kinds', 'targets', 'masks', 'valid')
    )
    return tensors and a['inputs'].equal(b['inputs'])


def test_files_have_the_keys_of_sa1b(folder):
    content = json.loads((folder / 'sa_000020' / 'sa_3.json').read_text())
    assert content['image'] == {
        'image_id': 3, 'width': 80, 'height': 48, 'file_name': 'sa_3.jpg',
    }  # fmt: skip
    annotation = content['annotations'][0]
    assert list(annotation) == [
        'id', 'segmentation', 'bbox', 'area', 'predicted_iou', 'stability_score', 'crop_box',
        'point_coords',
    ]  # fmt: skip
    mask = decode(annotation['segmentation'])
    assert mask.shape == (48, 80)
    assert mask.sum() == annotation['area']
    (x, y), *_ = annotation['point_coords']
    assert mask[int(y), int(x)] == 1
    left, top, width, height = annotation['bbox']
    assert mask_box(mask).tolist() == [left, top, left + width + 1, top + height + 1]


def test_shapes_are_nested_and_do_not_depend_on_how_many_there_are(tmp_path):
    levels = [
        max(shapes.masks[:, y, x].sum() for x, y in shapes.clicks)
        for shapes in (draw((96, 96), 0, index) for index in range(8))
    ]
    assert max(levels) >= 3
    write_nested_shapes(tmp_path, 2, size=(48, 80), seed=1)
    again = draw((48, 80), 1, 1)
    codes = json.loads((tmp_path / 'sa_000020' / 'sa_1.json').read_text())['annotations']
    assert [decode(c['segmentation']).tolist() for c in codes] == again.masks.tolist()
    with pytest.raises(FileExistsError, match='4 files of an earlier run'):
        write_nested_shapes(tmp_path, 2)


def test_archive_and_folder_hold_the_same_samples(folder, archive):
    one, two = (SA1BDataset(str(root), **OPTIONS) for root in (folder, archive))
    assert len(one) == len(two) == 6
    assert [entry.name for entry in two.entries] == [f'sa_{n}' for n in range(6)]
    assert same(one[4], two[4])
    assert not (archive / 'sa_000020').exists()


def test_index_of_an_archive_is_kept_and_renewed(archive, tmp_path, monkeypatch):
    write_nested_shapes(tmp_path, 6, size=(48, 80), archive=True)
    assert len(find_sa1b(tmp_path, '20')[0]) == 6
    index = tmp_path / 'sa_000020.tar.index.json'
    assert index.is_file()
    with monkeypatch.context() as patch:
        patch.setattr(tarfile, 'open', None)  # would fail if the archive were scanned again
        assert len(find_sa1b(tmp_path, '20')[0]) == 6
    write_nested_shapes(tmp_path, 3, size=(48, 80), archive=True, overwrite=True)
    assert len(find_sa1b(tmp_path, '20')[0]) == 3


def test_truncated_archive_is_named(archive, tmp_path):
    content = (archive / 'sa_000020.tar').read_bytes()
    (tmp_path / 'sa_000020.tar').write_bytes(content[: len(content) // 2 - 700])
    with pytest.raises(OSError, match=r'sa_000020\.tar is not a complete'):
        find_sa1b(tmp_path, '20')


def test_shards_and_names(folder, tmp_path):
    for shard in (20, 21, 25):
        shutil.copytree(folder / 'sa_000020', tmp_path / f'sa_{shard:06d}')
    assert parse_shards('20-22, 130') == [20, 21, 22, 130]
    assert len(find_sa1b(tmp_path, '20-21')[0]) == 12
    assert len(find_sa1b(tmp_path, [25])[0]) == 6
    assert len(find_sa1b(tmp_path, None)[0]) == 18
    assert len(find_sa1b(tmp_path, '20-29', missing='drop')[0]) == 18
    with pytest.raises(FileNotFoundError, match=r'sa_000022.*\(7 of 10 shards\)'):
        find_sa1b(tmp_path)
    with pytest.raises(ValueError, match='20-29'):
        parse_shards('twenty')
    (tmp_path / 'list.txt').write_text('sa_4\nsa_1.jpg\n')
    listed = SA1BDataset(str(folder), names=str(tmp_path / 'list.txt'), **OPTIONS)
    assert [entry.name for entry in listed.entries] == ['sa_4', 'sa_1']
    with pytest.raises(ValueError, match='sa_77'):
        SA1BDataset(str(folder), names=['sa_77'], **OPTIONS)


def test_absent_data_and_single_files(folder, tmp_path, caplog):
    with pytest.raises(FileNotFoundError, match='distributed by Meta'):
        SA1BDataset(str(tmp_path / 'nowhere'))
    with pytest.raises(FileNotFoundError, match='contains no sa_ID'):
        SA1BDataset(str(tmp_path), shards=None)
    flat = tmp_path / 'flat'
    shutil.copytree(folder / 'sa_000020', flat)
    (flat / 'sa_2.json').unlink()
    entries, single = find_sa1b(flat, None)
    assert len(entries) == 5
    assert single == ['sa_2.jpg']


def damaged(folder, tmp_path, name: str, change) -> SA1BDataset:
    """The dataset with one file of image 2 changed."""
    root = tmp_path / 'damaged'
    shutil.copytree(folder, root)
    path = root / 'sa_000020' / f'sa_2.{name}'
    path.write_bytes(change(path.read_bytes()))
    return SA1BDataset(str(root), **OPTIONS)


def no_annotations(content: bytes) -> bytes:
    return json.dumps({**json.loads(content), 'annotations': []}).encode()


def other_size(content: bytes) -> bytes:
    data = json.loads(content)
    data['annotations'][0]['segmentation'] = encode(np.ones((40, 80)))
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ('name', 'change', 'reason'),
    [
        ('json', no_annotations, 'empty'),
        ('json', other_size, 'size'),
        ('json', lambda content: content[:50], 'json'),
        ('jpg', lambda content: content[: len(content) // 2], 'image'),
        ('jpg', lambda content: b'', 'image'),
    ],
)
def test_unusable_images_are_replaced_and_reported(folder, tmp_path, name, change, reason):
    dataset = damaged(folder, tmp_path, name, change)
    sample = dataset[2]
    assert set(sample['data_samples']['replaced'].split(',')) == {reason}
    assert sample['data_samples']['key'] == 2
    assert same(sample, dataset[2])
    assert dataset[1]['data_samples']['replaced'] == ''


def test_nothing_usable_ends_with_an_explanation(tmp_path):
    write_nested_shapes(tmp_path, 1, size=(48, 80))
    (tmp_path / 'sa_000020' / 'sa_0.json').write_text('{}')
    with pytest.raises(RuntimeError, match=r'21 unusable images in a row.*data_root'):
        SA1BDataset(str(tmp_path), **OPTIONS)[0]


def test_sample_is_what_it_says(folder):
    dataset = SA1BDataset(str(folder), **OPTIONS, jitter=0.0, scale_range=(1.0, 1.0))
    sample = dataset[0]
    image, data = sample['inputs'], sample['data_samples']
    assert (image.shape, image.dtype) == ((3, 64, 64), torch.uint8)
    assert data['valid'].tolist() == [38, 64]  # 48 x 80 fitted into 64 x 64
    assert (image[:, 38:] == 128).all()
    assert data['masks'][:, 38:].max() == 0
    assert set(data['masks'].unique().tolist()) == {0, 255}
    boxes = data['boxes']
    torch.testing.assert_close(boxes[:, 2:], torch.full((5, 2), 6 / 64))
    for box, targets in zip(boxes, data['targets'], strict=True):
        x, y = (int(v) for v in box[:2] * 64)
        containing = data['masks'][:, y, x].nonzero()[:, 0].tolist()
        assert targets[targets >= 0].tolist() == containing
        assert containing


def test_draws_depend_on_seed_epoch_and_index_alone(folder):
    def dataset(**more):
        return SA1BDataset(str(folder), **OPTIONS, **more)

    one, two = dataset(), dataset()
    first = one[3]
    two[1], two[5]
    assert same(first, two[3])
    assert not same(first, one[6 + 3])
    assert not same(first, dataset(seed=1)[3])
    repeated = dataset(distinct_epochs=1)
    assert same(repeated[3], repeated[6 + 3])
    assert repeated[6 + 3]['data_samples']['key'] == 3


def test_the_description_tells_samples_apart(folder):
    """First and last name and their number do not: what lies between them counts too."""
    base = SA1BDataset(str(folder), **OPTIONS)
    known = [base.description()]
    middle = SA1BDataset(str(folder), **OPTIONS)
    middle.entries[1] = dataclasses.replace(middle.entries[1], name='sa_999')
    known.append(middle.description())
    for option in ({'image_pad': 0}, {'flip': 0.0}, {'seed': 1}, {'jitter': 0.1}):
        known.append(SA1BDataset(str(folder), **(OPTIONS | option)).description())
    assert len({json.dumps(each, sort_keys=True) for each in known}) == len(known)
    assert SA1BDataset(str(folder), **OPTIONS).description() == known[0]


def test_worker_processes_give_the_same(folder):
    from mmengine.dataset import pseudo_collate

    dataset = SA1BDataset(str(folder), **OPTIONS)
    loaders = [
        torch.utils.data.DataLoader(
            dataset,
            2,
            num_workers=n,
            sampler=ResumableSampler(dataset, 0),
            collate_fn=pseudo_collate,
        )
        for n in (0, 2)
    ]
    for one, two in zip(*loaders, strict=True):
        assert all(a.equal(b) for a, b in zip(one['inputs'], two['inputs'], strict=True))
        assert one['data_samples']['key'] == two['data_samples']['key']


def test_order_can_be_entered_anywhere(monkeypatch):
    data = range(10)
    sampler = ResumableSampler(data, seed=3)
    sampler.set_epoch(2)
    whole = list(sampler)
    assert sorted(whole) == list(range(20, 30))
    sampler.set_epoch(2, start=4)
    assert list(sampler) == whole[4:]
    sampler.set_epoch(3)
    assert [n - 30 for n in sampler] != [n - 20 for n in whole]
    shares = []
    for rank in range(3):
        monkeypatch.setattr(
            'mmirstd.datasets.prompted.sampler.get_dist_info', lambda r=rank: (r, 3)
        )
        share = ResumableSampler(data, seed=3)
        share.set_epoch(2)
        shares.append(list(share))
    assert [len(share) for share in shares] == [4, 4, 4]
    joined = [number for group in zip(*shares, strict=True) for number in group]
    assert joined == whole + whole[:2]


def test_coarse_masks_are_shares_of_their_cells(folder):
    fine = SA1BDataset(str(folder), **OPTIONS)[2]['data_samples']['masks'].float()
    coarse = SA1BDataset(str(folder), **OPTIONS, mask_stride=4)[2]['data_samples']['masks']
    expected = torch.nn.functional.avg_pool2d(fine, 4)
    torch.testing.assert_close(coarse.float(), expected, atol=0.51, rtol=0)


def test_coco_file_with_polygons_and_both_kinds_of_rle(tmp_path):
    image = np.full((48, 64, 3), 90, np.uint8)
    image[10:30, 10:40] = 200
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    square = np.zeros((48, 64), np.uint8)
    square[10:30, 10:40] = 1
    counts = np.diff(np.flatnonzero(np.diff(square.T.ravel(), prepend=0, append=0)), prepend=0)
    annotations = [
        {'segmentation': [[10, 10, 40, 10, 40, 30, 10, 30]]},
        {'segmentation': encode(square)},
        {
            'segmentation': {
                'size': [48, 64],
                'counts': [*counts.tolist(), 48 * 64 - int(counts.sum())],
            }
        },
        {'segmentation': encode(1 - square), 'iscrowd': 1},
    ]
    annotations = [{'image_id': 7, 'iscrowd': 0, **each} for each in annotations]
    file = tmp_path / 'instances.json'
    file.write_text(
        json.dumps({'images': [{'id': 7, 'file_name': 'a.png'}], 'annotations': annotations})
    )
    dataset = COCOMaskDataset(str(file), **PROMPTS, flip=0.0, scale_range=(1.0, 1.0))
    codes = read_codes(dataset.entries[0].read_annotations(), (48, 64), 'a')
    assert [decode(code).tolist() for code in codes] == [square.tolist()] * 3
    masks = dataset[0]['data_samples']['masks']
    assert len(masks) == 3
    assert (masks[:, 15, 20] == 255).all()
    with pytest.raises(FileNotFoundError, match=r'missing\.json'):
        COCOMaskDataset(str(tmp_path / 'missing.json'))
    with pytest.raises(AnnotationError, match='unreadable mask'):
        read_codes(b'{"annotations": [{"segmentation": {"size": [4, 4]}}]}', (4, 4), 'a')


def test_clicks_and_levels():
    masks = np.zeros((9, 20, 20), bool)
    masks[:, 4:12, 6:14] = True  # nine levels of one region
    drawn = sample_prompts(masks, 12, np.random.default_rng(0), jitter=0.0)
    assert drawn.targets.shape == (12, 6)
    for targets in drawn.targets:
        assert len(set(targets.tolist())) == 6
    assert len({tuple(row) for row in drawn.targets.tolist()}) > 1  # which six: at random
    assert (drawn.kinds == 0).all()
    inside = drawn.boxes[:, :2] * 20
    assert (inside[:, 0] >= 6).all()
    assert (inside[:, 0] <= 14).all()
    boxes = sample_prompts(masks, 4, np.random.default_rng(0), box_share=1.0, jitter=0.0)
    np.testing.assert_allclose(boxes.boxes, [[0.5, 0.4, 0.4, 0.4]] * 4)
    assert (boxes.kinds == 1).all()
    assert ((boxes.targets >= 0).sum(1) == 1).all()
    with pytest.raises(ValueError, match='no mask'):
        sample_prompts(masks[:0], 3, np.random.default_rng(0))


def test_boxes_of_clicks_and_noise():
    np.testing.assert_allclose(click_boxes([(0, 9)], (10, 20)), [[0.025, 0.95, 0.3, 0.6]])
    box = np.tile(np.array([[0.5, 0.5, 0.2, 0.4]]), (500, 1))
    noisy = jitter_boxes(box, np.full(500, 0.4), np.random.default_rng(0))
    reach = np.abs(noisy - box).max(axis=0)
    assert (reach <= [0.04, 0.08, 0.08, 0.16]).all()
    assert (reach > np.array([0.04, 0.08, 0.08, 0.16]) * 0.95).all()


def test_without_pycocotools_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pycocotools', None)
    with pytest.raises(ImportError, match=r'mmirstd\[sa1b\]'):
        SA1BDataset(str(folder), **OPTIONS)


@pytest.mark.parametrize('option', [{'size': 100}, {'mask_stride': 5}, {'distinct_epochs': 0}])
def test_wrong_options_are_named(folder, option):
    with pytest.raises(ValueError, match=next(iter(option))):
        SA1BDataset(str(folder), **{**OPTIONS, **option})
