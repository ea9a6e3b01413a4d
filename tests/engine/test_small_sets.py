"""Small training sets, sets without targets, and two trainings in one folder."""

import logging
import multiprocessing
import os
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.runner import BaseLoop
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader

from mmirstd.datasets.transforms import LoadMask
from mmirstd.engine import small_sets
from mmirstd.engine.sample_seed import seed_samples
from mmirstd.engine.small_sets import SmallSetHook, require_batches
from mmirstd.engine.work_dir_lock import WorkDirLockHook
from mmirstd.io.images.limits import ImageReadError


class Masks:
    """A dataset of mask files."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return index

    def get_data_info(self, index):
        return {'seg_map_path': str(self.paths[index])}


def batches(dataset, batch_size, **options):
    loader = DataLoader(dataset, batch_size, collate_fn=list, **options)
    SmallSetHook().before_train(SimpleNamespace(train_dataloader=loader))
    found = list(loader)
    assert len(loader) == len(found)
    return found


@pytest.mark.parametrize(
    ('samples', 'batch_size', 'expected'),
    [
        (5, 4, [[0, 1, 2, 3], [4, 0]]),
        (3, 2, [[0, 1], [2, 0]]),
        (6, 4, [[0, 1, 2, 3], [4, 5]]),
        (4, 8, [[0, 1, 2, 3]]),
        (2, 1, [[0], [1]]),
        (1, 4, [[0]]),
    ],
)
def test_a_last_batch_of_one_image_gets_a_second_one(samples, batch_size, expected):
    assert batches(range(samples), batch_size) == expected
    loader = DataLoader(range(samples), batch_size, collate_fn=list)
    SmallSetHook().before_train(SimpleNamespace(train_dataloader=loader))
    seed_samples(loader, 0, 0)  # the seeds of samples do not mind
    assert list(loader) == expected


def test_an_incomplete_batch_that_is_left_out_stays_so():
    assert batches(range(5), 4, drop_last=True) == [[0, 1, 2, 3]]


def test_a_set_smaller_than_a_batch_is_refused_where_that_leaves_nothing():
    require_batches(DataLoader(range(4), 8))
    with pytest.raises(ValueError, match=r'4 images.*batch of 8.*batch_size=4.*drop_last=False'):
        require_batches(DataLoader(range(4), 8, drop_last=True))


@pytest.fixture
def masks(tmp_path):
    paths = [tmp_path / f'{number}.png' for number in range(3)]
    for path in paths:
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    return paths


@pytest.mark.parametrize('joined', [False, True])
def test_masks_without_any_target_are_reported(masks, joined, monkeypatch):
    said = []
    monkeypatch.setattr(small_sets, 'print_log', lambda text, **how: said.append((text, how)))

    def dataset():
        if joined:
            return ConcatDataset([Masks(masks[:1]), Masks(masks[1:])])
        return Masks(masks)

    batches(dataset(), 2)
    ((text, how),) = said
    assert 'none of the 3 masks of the training set contains a target pixel' in text
    assert how['level'] == logging.WARNING
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(masks[2])
    batches(dataset(), 2)
    assert len(said) == 1


def test_masks_are_read_as_the_pipeline_reads_them(masks, monkeypatch):
    said = []
    monkeypatch.setattr(small_sets, 'print_log', lambda text, **how: said.append(text))
    labels = np.zeros((8, 8), np.uint8)
    labels[2:5, 2:5], labels[3, 3:5] = 255, 1
    Image.fromarray(labels).save(masks[0])
    dataset = Masks(masks)
    batches(dataset, 2)  # the loader of another package may know what 255 is beside 1
    dataset.pipeline = SimpleNamespace(transforms=[LoadMask()])
    with pytest.raises(ImageReadError, match='255 beside the labels'):
        batches(dataset, 2)
    dataset.pipeline = SimpleNamespace(transforms=[LoadMask(void_value=255)])
    batches(dataset, 2)
    assert said == []
    labels[3, 3:5] = 255
    Image.fromarray(labels).save(masks[0])
    batches(dataset, 2)
    assert 'none of the 3 masks' in said[0]


class Loop(BaseLoop):
    def __init__(self):
        pass

    def run(self):
        pass


def lock_elsewhere(folder, answer):
    try:
        WorkDirLockHook().before_run(SimpleNamespace(_train_loop=Loop(), work_dir=folder))
    except FileExistsError as error:
        answer.put(str(error))
    else:
        answer.put('')


def test_two_trainings_do_not_share_a_work_folder(tmp_path):
    if os.name != 'posix':
        pytest.skip('the lock needs flock')
    runner = SimpleNamespace(_train_loop=Loop(), work_dir=str(tmp_path))
    context = multiprocessing.get_context('fork')

    def elsewhere():
        answer = context.Queue()
        process = context.Process(target=lock_elsewhere, args=(str(tmp_path), answer))
        process.start()
        message = answer.get(timeout=600)
        process.join()
        return message

    hook = WorkDirLockHook()
    hook.before_run(runner)
    hook.before_run(runner)  # the same process may start again
    # A forked process would share the lock by the table of its parent: it must ask the system.
    import mmirstd.engine.work_dir_lock as module

    held, module._HELD = module._HELD, {}
    try:
        assert 'another process is training in this work folder' in elsewhere()
    finally:
        module._HELD = held
    hook.after_run(runner)
    assert elsewhere() == ''
    # Testing needs no lock.
    WorkDirLockHook().before_run(SimpleNamespace(_train_loop=None, work_dir=str(tmp_path)))
    assert tmp_path.resolve() not in module._HELD  # failed trainings of this process keep theirs
