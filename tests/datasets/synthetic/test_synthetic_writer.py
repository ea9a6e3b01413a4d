"""Writing procedural datasets: layouts, resuming, refusing, disk errors."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from mmirstd.datasets.synthetic import SceneConfig, generate_scene, write_dataset

CONFIG = SceneConfig(size=(40, 48), area=(1, 20))
SPLITS = {'train': 3, 'val': 1, 'test': 2}


def _content(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(Path(root).rglob('*'))
        if path.is_file()
    }


def test_default_layout_holds_what_was_generated(tmp_path):
    manifest = write_dataset(tmp_path / 'set', SPLITS, config=CONFIG, seed=3)
    root = manifest.parent
    for split, count in SPLITS.items():
        names = sorted(path.name for path in (root / split / 'images').iterdir())
        assert names == [f'{split}_{index:05d}.png' for index in range(count)]
        lines = (root / f'scenes_{split}.jsonl').read_text().splitlines()
        for index, line in enumerate(lines):
            record = json.loads(line)
            image = cv2.imread(str(root / record['image']), cv2.IMREAD_UNCHANGED)
            mask = cv2.imread(str(root / record['mask']), cv2.IMREAD_UNCHANGED)
            scene = generate_scene(CONFIG, 3, split, index)
            assert (image == scene.image).all()
            assert (mask == scene.mask * np.uint8(255)).all()
            regions = ndimage.label(mask > 0, np.ones((3, 3)))[1]
            assert regions == len(record['targets'])
        assert len(lines) == count
    written = json.loads(manifest.read_text())
    assert written['seed'] == 3
    assert written['splits'] == SPLITS
    assert written['config'] == CONFIG.as_dict()


def test_images_do_not_depend_on_how_many_there_are(tmp_path):
    write_dataset(tmp_path / 'few', {'test': 1}, config=CONFIG)
    write_dataset(tmp_path / 'many', {'train': 2, 'test': 3}, config=CONFIG)
    few, many = _content(tmp_path / 'few'), _content(tmp_path / 'many')
    name = 'test/images/test_00000.png'
    assert few[name] == many[name]


def test_sixteen_bits_survive_the_file(tmp_path):
    config = SceneConfig(size=(40, 48), bits=16)
    write_dataset(tmp_path, {'train': 1}, config=config)
    image = cv2.imread(str(tmp_path / 'train/images/train_00000.png'), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16
    assert (image == generate_scene(config, 0, 'train', 0).image).all()


def test_sirst_layout(tmp_path):
    write_dataset(tmp_path, SPLITS, config=CONFIG, layout='sirst')
    assert sorted(p.name for p in (tmp_path / 'images').iterdir()) == [
        f'Misc_{n}.png' for n in range(1, 7)
    ]
    assert sorted(p.name for p in (tmp_path / 'masks').iterdir()) == [
        f'Misc_{n}_pixels0.png' for n in range(1, 7)
    ]
    lists = {p.name: p.read_text() for p in (tmp_path / 'idx_427').iterdir()}
    assert lists == {
        'train.txt': 'Misc_1\nMisc_2\nMisc_3\n',
        'val.txt': 'Misc_4\n',
        'trainval.txt': 'Misc_1\nMisc_2\nMisc_3\nMisc_4\n',
        'test.txt': 'Misc_5\nMisc_6\n',
    }


def test_lists_layout(tmp_path):
    write_dataset(tmp_path, {'train': 2, 'test': 1}, config=CONFIG, layout='lists')
    assert (tmp_path / 'train.txt').read_text() == '000001\n000002\n'
    assert (tmp_path / 'test.txt').read_text() == '000003\n'
    assert not (tmp_path / 'trainval.txt').exists()
    assert (tmp_path / 'masks/000003.png').is_file()


# Kills its own process just before the n-th file gets its name.
KILLED_RUN = """
import os, signal, sys
from mmirstd.datasets.synthetic import SceneConfig, write_dataset

calls, rename = 0, os.replace

def replace(source, target):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)

os.replace = replace
write_dataset(sys.argv[1], {"train": 4}, config=SceneConfig(size=(40, 48), area=(1, 20)))
"""


@pytest.mark.parametrize('rename', [1, 4, 5])  # the manifest, a mask, an image
def test_killed_run_is_completed_to_the_same_bytes(tmp_path, rename):
    cut = tmp_path / 'cut'
    killed = subprocess.run([sys.executable, '-c', KILLED_RUN, str(cut), str(rename)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(cut.rglob('*.part'))) == 1
    assert len(list(cut.rglob('images/*.png'))) == (rename - 2) // 2 * (rename > 1)
    write_dataset(cut, {'train': 4}, config=CONFIG)
    write_dataset(tmp_path / 'whole', {'train': 4}, config=CONFIG)
    assert _content(cut) == _content(tmp_path / 'whole')


def test_complete_scenes_are_not_drawn_again(tmp_path, monkeypatch):
    from mmirstd.datasets.synthetic import writer

    write_dataset(tmp_path, SPLITS, config=CONFIG)
    (tmp_path / 'train/masks/train_00001.png').unlink()
    journal = tmp_path / 'scenes_test.jsonl'
    journal.write_text(journal.read_text()[:-20])  # a kill while the line was written
    drawn = []

    def spy(config, seed, split, index):
        drawn.append((split, index))
        return generate_scene(config, seed, split, index)

    monkeypatch.setattr(writer, 'generate_scene', spy)
    write_dataset(tmp_path, SPLITS, config=CONFIG)
    assert drawn == [('train', 1), ('test', 1)]
    assert len(journal.read_text().splitlines()) == 2


def test_kill_while_the_manifest_is_written_is_no_obstacle(tmp_path):
    (tmp_path / '.manifest.json.x.part').write_text('{"for')
    write_dataset(tmp_path, {'train': 1}, config=CONFIG)
    assert not (tmp_path / '.manifest.json.x.part').exists()


def test_another_seed_or_configuration_is_refused_by_name(tmp_path):
    write_dataset(tmp_path, SPLITS, config=CONFIG, seed=1)
    before = _content(tmp_path)
    with pytest.raises(FileExistsError, match=r'seed 1 there, 2 requested.*overwrite'):
        write_dataset(tmp_path, SPLITS, config=CONFIG, seed=2)
    with pytest.raises(FileExistsError, match='bits 8 there, 16 requested'):
        write_dataset(tmp_path, SPLITS, config=SceneConfig(size=(40, 48), bits=16), seed=1)
    with pytest.raises(FileExistsError, match=str(tmp_path)):
        write_dataset(tmp_path, {'train': 1}, config=CONFIG, seed=1)
    assert _content(tmp_path) == before


def test_overwrite_removes_the_old_scenes_only(tmp_path):
    root = tmp_path / 'set'
    write_dataset(root, SPLITS, config=CONFIG, layout='sirst')
    (root / 'notes.txt').write_text('mine')
    write_dataset(root, {'train': 1}, config=CONFIG, seed=5, overwrite=True)
    write_dataset(tmp_path / 'fresh', {'train': 1}, config=CONFIG, seed=5)
    content = _content(root)
    assert content.pop('notes.txt') == b'mine'
    assert content == _content(tmp_path / 'fresh')
    assert not (root / 'idx_427').exists()


@pytest.mark.parametrize('overwrite', [False, True])
def test_foreign_folders_are_never_touched(tmp_path, overwrite):
    (tmp_path / 'photo.png').write_bytes(b'precious')
    with pytest.raises(FileExistsError, match='not empty'):
        write_dataset(tmp_path, {'train': 1}, config=CONFIG, overwrite=overwrite)
    (tmp_path / 'manifest.json').write_text('{"format": "other"}')
    with pytest.raises(FileExistsError, match='not the manifest'):
        write_dataset(tmp_path, {'train': 1}, config=CONFIG, overwrite=overwrite)
    (tmp_path / 'manifest.json').write_text('{"format"')
    with pytest.raises(FileExistsError, match='not the manifest'):
        write_dataset(tmp_path, {'train': 1}, config=CONFIG, overwrite=overwrite)
    assert (tmp_path / 'photo.png').read_bytes() == b'precious'


def test_root_that_is_a_file(tmp_path):
    (tmp_path / 'set').write_text('')
    with pytest.raises(FileExistsError, match='is a file'):
        write_dataset(tmp_path / 'set', {'train': 1}, config=CONFIG)


@pytest.mark.parametrize(
    ('splits', 'layout', 'message'),
    [
        ({'train': 1}, 'coco', "layout='coco'"),
        ({}, 'folders', 'at least one'),
        ({'train': -1, 'test': 5}, 'folders', r"splits\['train'\]=-1"),
        ({'../up': 1}, 'folders', 'cannot name a folder'),
    ],
)
def test_bad_requests(tmp_path, splits, layout, message):
    with pytest.raises(ValueError, match=message):
        write_dataset(tmp_path, splits, config=CONFIG, layout=layout)
    assert not any(tmp_path.iterdir())


def test_full_disk_is_said_and_can_be_continued(tmp_path, monkeypatch):
    real_replace = os.replace
    calls = []

    def full(source, target):
        calls.append(target)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, 'No space left on device', str(source))
        return real_replace(source, target)

    monkeypatch.setattr(os, 'replace', full)
    with pytest.raises(OSError, match=r'No space left.*same command') as caught:
        write_dataset(tmp_path, SPLITS, config=CONFIG)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename.startswith(str(tmp_path))
    assert not list(tmp_path.rglob('*.part'))
    monkeypatch.undo()
    write_dataset(tmp_path, SPLITS, config=CONFIG)
    assert len(list(tmp_path.rglob('images/*.png'))) == 6


def test_unwritable_place_names_the_file(tmp_path, monkeypatch):
    def refuse(suffix, prefix, folder):
        raise PermissionError(errno.EACCES, 'Permission denied', str(folder))

    monkeypatch.setattr('tempfile.mkstemp', refuse)
    with pytest.raises(PermissionError, match='cannot write') as caught:
        write_dataset(tmp_path / 'set', SPLITS, config=CONFIG)
    assert caught.value.filename.endswith('manifest.json')


def test_progress_counts_every_image(tmp_path):
    seen = []
    write_dataset(tmp_path, SPLITS, config=CONFIG, progress=lambda *step: seen.append(step))
    assert seen == [(n, 6) for n in range(1, 7)]


@pytest.mark.parametrize(
    ('layout', 'split'),
    [('folders', 'test'), ('lists', 'test.txt'), ('sirst', 'idx_427/test.txt')],
)
def test_every_layout_is_recognised_by_the_dataset(tmp_path, layout, split):
    from mmirstd.datasets.irstd import IRSTDDataset

    write_dataset(tmp_path, SPLITS, config=CONFIG, layout=layout)
    dataset = IRSTDDataset(str(tmp_path), split)
    assert len(dataset) == SPLITS['test']
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        scene = generate_scene(CONFIG, 0, 'test', index)
        assert (cv2.imread(sample['img_path'], cv2.IMREAD_UNCHANGED) == scene.image).all()
        mask = cv2.imread(sample['seg_map_path'], cv2.IMREAD_UNCHANGED)
        assert ((mask > 0) == scene.mask).all()
