"""The base configs of the datasets, run on small sets and on the real ones where present."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DATASETS, DefaultScope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from PIL import Image

FOLDER = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
SIZES = {'sirst': 256, 'nudt': 256, 'irstd1k': 512, 'mdfa': 128, 'synthetic': 128, 'folder': 256}
BATCH = {'mdfa': 32}
TEST_IMAGES = {'sirst': 86, 'nudt': 664, 'irstd1k': 201, 'mdfa': 100}


@pytest.fixture(autouse=True)
def mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


@pytest.fixture
def folders(tmp_path):
    """{train,val,test}/{images,masks} with two images of 40 x 60 pixels each."""
    for split in ('train', 'val', 'test'):
        for kind in ('images', 'masks'):
            (tmp_path / split / kind).mkdir(parents=True)
        for number in range(2):
            image = np.full((40, 60), 80, np.uint8)
            mask = np.zeros((40, 60), np.uint8)
            mask[10:16, 20:30] = 255
            image[mask > 0] = 200
            Image.fromarray(image).save(tmp_path / split / f'images/{number}.png')
            Image.fromarray(mask).save(tmp_path / split / f'masks/{number}.png')
    return tmp_path


def test_every_dataset_config_is_tested():
    # nested_shapes belongs to the distillation: see tests/configs/test_distillation_configs.py.
    # sirst3 joins three sets at native size: its parts are tested by themselves.
    # Files that begin with _ hold what several datasets share.
    found = {path.stem for path in FOLDER.glob('[!_]*.py')}
    assert found == {*SIZES, 'nested_shapes', 'sirst3'}


@pytest.mark.parametrize('name', SIZES)
def test_promises(name):
    cfg = load(name)
    size = SIZES[name]
    assert cfg.input_size == size
    assert cfg.train_dataloader.batch_size == BATCH.get(name, 8)
    assert cfg.data_preprocessor['size'] == (size, size)
    assert cfg.data_preprocessor.bgr_to_rgb
    assert {cfg.val_evaluator.type, cfg.test_evaluator.type} == {'mmirstd.IRSTDMetric'}
    splits = [cfg[f'{mode}_dataloader'].dataset.split for mode in ('train', 'val', 'test')]
    assert len(set(splits)) == 3
    assert 'test' not in splits[1]
    assert splits[2].endswith('test')
    for mode in ('train', 'val', 'test'):
        loader = cfg[f'{mode}_dataloader']
        assert loader.sampler.type == 'DefaultSampler'
        assert loader.sampler.shuffle == (mode == 'train')
        # torch refuses it with num_workers=0, and one option should be enough to set that.
        assert not loader.get('persistent_workers', False)


@pytest.mark.parametrize('name', SIZES)
@pytest.mark.parametrize('channels', [1, 3])
def test_batches_of_small_files_reach_the_model(name, channels, folders):
    cfg = load(name)
    preprocessor = dict(cfg.data_preprocessor)
    if channels == 1:
        preprocessor.update(mean=[110.0], std=[50.0], bgr_to_rgb=False)
    preprocessor = MODELS.build(preprocessor)
    size = SIZES[name]
    for mode in ('train', 'val', 'test'):
        loader = cfg[f'{mode}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.update(data_root=str(folders), split=mode, serialize_data=False)
        loader.dataset.pipeline[0]['channels'] = channels
        (batch,) = Runner.build_dataloader(loader, seed=0)
        batch = preprocessor(batch, training=mode == 'train')
        assert batch['inputs'].shape == (2, channels, size, size)
        for sample in batch['data_samples']:
            assert sample.gt_sem_seg.data.shape == (1, size, size)
            assert set(sample.gt_sem_seg.data.unique().tolist()) <= {0, 1}
            if mode != 'train':
                assert sample.gt_sem_seg.data.any()
                assert tuple(sample.ori_shape[:2]) == (size, size)


@pytest.mark.parametrize('name', SIZES)
def test_tta_flips_the_image_and_not_the_gt_mask(name, folders):
    cfg = load(name)
    dataset = DATASETS.build(
        {
            **cfg.test_dataloader.dataset,
            'data_root': str(folders),
            'split': 'test',
            'serialize_data': False,
        }
    )
    results = Compose(cfg.tta_pipeline)(dataset.get_data_info(0))
    plain, flipped = results['inputs']
    assert (plain.int() - flipped.flip(-1).int()).abs().max() <= 1
    assert not torch.equal(plain, flipped)
    samples = results['data_samples']
    assert [sample.flip for sample in samples] == [False, True]
    assert torch.equal(samples[0].gt_sem_seg.data, samples[1].gt_sem_seg.data)
    assert torch.equal(samples[0].gt_sem_seg.data, dataset[0]['data_samples'].gt_sem_seg.data)


def test_folder_of_all_datasets_comes_from_the_environment(monkeypatch):
    monkeypatch.delenv('MMIRSTD_DATA', raising=False)
    assert load('irstd1k').data_root == 'data/IRSTD-1k'
    monkeypatch.setenv('MMIRSTD_DATA', '/mnt/ir')
    assert load('irstd1k').test_dataloader.dataset.data_root == '/mnt/ir/IRSTD-1k'


@pytest.mark.parametrize('name', TEST_IMAGES)
def test_real_test_sets(name, data_root, monkeypatch):
    monkeypatch.setenv('MMIRSTD_DATA', str(data_root))
    dataset = DATASETS.build(load(name).test_dataloader.dataset)
    assert len(dataset) == TEST_IMAGES[name]
    assert dataset[0]['inputs'].shape == (3, SIZES[name], SIZES[name])
