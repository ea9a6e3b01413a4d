import json

import numpy as np
import pytest

from mmirstd.inference.sources import find_sources
from mmirstd.reporting.coco_dataset import CocoDataset


def write(path, names, categories=('target',), **more):
    content = {
        'images': [{'id': k, 'file_name': name} for k, name in enumerate(names, start=70)],
        'categories': [{'id': k, 'name': name} for k, name in enumerate(categories, start=5)],
        **more,
    }
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def images(tmp_path):
    """Files that exist, for `find_sources`."""

    def make(*names):
        for name in names:
            place = tmp_path / 'set' / name
            place.parent.mkdir(parents=True, exist_ok=True)
            np.save(place.with_suffix('.npy'), np.zeros((4, 4), np.uint8))
        return tmp_path / 'set'

    return make


def ids(dataset, sources):
    return {s.name: dataset.image_id(s.name, s.path, s.frame) for s in sources}


@pytest.mark.parametrize(
    ('file_names', 'below', 'expected'),
    [
        (('day/1.png', 'night/1.png'), '', {'day/1': 70, 'night/1': 71}),
        (('day/1.png', 'night/1.png'), 'night', {'1': 71}),  # the path tells
        (('set/day/1.png', 'set/night/1.png'), '', {'day/1': 70, 'night/1': 71}),
        (('x/day/1.png', 'x/night/1.png'), '', {'day/1': 70, 'night/1': 71}),  # the name tells
        (('set\\day\\1.bmp', 'set\\night\\1.bmp'), '', {'day/1': 70, 'night/1': 71}),
        (('1.png', 'night/1.png'), '', {'day/1': 70, 'night/1': 71}),  # the longest end
    ],
)
def test_entries_are_found_by_path_and_name(tmp_path, images, file_names, below, expected):
    folder = images('day/1', 'night/1')
    dataset = CocoDataset.read(write(tmp_path / 'd.json', file_names))
    assert ids(dataset, find_sources(folder / below, recursive=True)) == expected


def test_suffixes_decide_where_nothing_else_does(tmp_path, images):
    dataset = CocoDataset.read(write(tmp_path / 'd.json', ['1.png', '1.npy']))
    assert ids(dataset, find_sources(images('1'))) == {'1': 71}


def test_dots_in_names_stay(tmp_path, images):
    folder = images('a.001.npy', 'a.002.npy')
    dataset = CocoDataset.read(write(tmp_path / 'd.json', ['a.001.png', 'a.002.png']))
    assert ids(dataset, find_sources(folder)) == {'a.001': 70, 'a.002': 71}


def test_no_entry_or_several_are_errors(tmp_path, images):
    (source,) = find_sources(images('1'))
    dataset = CocoDataset.read(write(tmp_path / 'd.json', ['2.png']))
    with pytest.raises(ValueError, match=r'^1: .*d\.json has no image of this name'):
        dataset.image_id(source.name, source.path)
    dataset = CocoDataset.read(write(tmp_path / 'd.json', ['a/1.png', 'b/1.png']))
    with pytest.raises(ValueError, match=r'^1: 2 images of .*d\.json fit this name \(ids 70, 71\)'):
        dataset.image_id(source.name, source.path)


@pytest.mark.parametrize(
    ('categories', 'named', 'expected'),
    [
        (('ship',), None, 5),
        (('ship', 'target'), None, 6),
        (('ship', 'plane'), 'plane', 6),
        ((), None, 1),
    ],
)
def test_the_class_of_targets(tmp_path, categories, named, expected):
    path = write(tmp_path / 'd.json', ['1.png'], categories)
    assert CocoDataset.read(path, named).category_id == expected


@pytest.mark.parametrize(
    ('categories', 'named', 'message'),
    [
        (('ship', 'plane'), None, "several classes, 'ship', 'plane'"),
        (('ship',), 'plane', "no class 'plane', only 'ship'"),
    ],
)
def test_a_class_that_is_not_clear(tmp_path, categories, named, message):
    path = write(tmp_path / 'd.json', ['1.png'], categories)
    with pytest.raises(ValueError, match=message):
        CocoDataset.read(path, named)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{', 'not a COCO file'),
        ('[]', 'not a COCO file'),
        ('{"annotations": []}', "'images' is missing"),
        ('{"images": [{"id": 1}]}', "'file_name' is missing"),
        ('{"images": [{"id": "one", "file_name": "a.png"}]}', 'not a COCO file'),
        (
            '{"images": [{"id": 1, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"}]}',
            'two images have the id 1',
        ),
        (
            '{"images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "a.png"}]}',
            "two images have the file_name 'a.png'",
        ),
    ],
)
def test_files_that_are_something_else(tmp_path, content, message):
    path = tmp_path / 'd.json'
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error_info:
        CocoDataset.read(path)
    assert str(path) in str(error_info.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'COCO file not found: .*d\.json'):
        CocoDataset.read(tmp_path / 'd.json')
