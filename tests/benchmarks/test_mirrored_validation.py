from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from benchmarks import mirrored_validation
from benchmarks.mirrored_validation import VIEWS, mirrored
from benchmarks.zoo_entry import REPORTED

AXES = {'horizontal': (1,), 'vertical': (0,), 'diagonal': (0, 1)}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    image = np.zeros((8, 12), np.uint8)
    image[2, 3] = 255
    for folder in ('images', 'masks'):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / 'a.png'), image)
    keys = ('img_path', 'ori_shape', 'img_shape', 'flip', 'flip_direction')
    pipeline = [
        {'type': 'mmirstd.LoadImageFromFile', 'channels': 1, 'intensity_range': 'raw'},
        {'type': 'mmirstd.LoadMask'},
        {'type': 'PackSegInputs', 'meta_keys': keys},
    ]
    dataset = {
        'type': 'mmirstd.IRSTDDataset',
        'data_root': str(tmp_path),
        'test_mode': True,
        'pipeline': pipeline,
    }
    return Config({'val_dataloader': {'dataset': dataset}})


@pytest.mark.parametrize('direction', VIEWS[1:])
def test_images_and_masks_are_mirrored_together(config, direction):
    init_default_scope('mmseg')
    sample = DATASETS.build(mirrored(config, direction).val_dataloader.dataset)[0]
    wanted = np.zeros((8, 12), bool)
    wanted[2, 3] = True
    wanted = np.flip(wanted, AXES[direction])
    np.testing.assert_array_equal(sample['inputs'][0].numpy() > 0, wanted)
    samples = sample['data_samples']
    np.testing.assert_array_equal(samples.gt_sem_seg.data[0].numpy() > 0, wanted)
    assert not samples.get('flip')  # or the prediction would be mirrored back and the mask not


def test_the_given_config_stays(config):
    before = config.pretty_text
    mirrored(config, 'vertical')
    assert config.pretty_text == before


def test_a_pipeline_with_another_end_is_refused(config):
    config.val_dataloader.dataset.pipeline.pop()
    with pytest.raises(ValueError, match='PackSegInputs'):
        mirrored(config, 'vertical')


def test_the_mean_is_that_of_all_four_views(config, monkeypatch):
    asked = []

    class Scorer:
        def __init__(self, seen, folder):
            *_, step, _ = seen.val_dataloader.dataset.pipeline
            self.view = step.get('direction', 'as it is')

        def __call__(self, file, split):
            asked.append((self.view, file, split))
            return dict.fromkeys(REPORTED, float(VIEWS.index(self.view)))

    monkeypatch.setattr(mirrored_validation, 'Scorer', Scorer)
    found = mirrored_validation.score(config, {'a': Path('a.pth')})
    assert asked == [(view, Path('a.pth'), 'val') for view in VIEWS]
    assert found['a']['views']['vertical']['pooled']['IoU'] == 2
    assert found['a']['mean']['pooled'] == {'IoU': 1.5, 'nIoU': 1.5, 'Pd': 1.5, 'Fa': 1.5}
