"""The configs of the authors: schedules, data and initial weights."""

from pathlib import Path

import mmengine.optim
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from PIL import Image
from torch import nn

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
COMMON = sorted(path.stem for path in (CONFIGS / 'common').glob('*.py'))
STATISTICS = {
    'sirst': (101.0639, 34.6196),
    'nudt': (107.8091, 33.0227),
    'irstd1k': (87.4662, 39.7195),
    'mdfa': (107.8091, 33.0227),  # not published: those of NUDT-SIRST
}


@pytest.fixture(autouse=True)
def mmseg_scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def rates(cfg: Config) -> list[float]:
    """The learning rate of every epoch."""
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(1))], cfg.optim_wrapper.optimizer.lr)
    schedulers = []
    for scheduler in cfg.param_scheduler:
        arguments = dict(scheduler)
        schedulers.append(
            getattr(mmengine.optim, arguments.pop('type'))(optimizer=optimizer, **arguments)
        )
    found = []
    for _ in range(cfg.train_cfg.max_epochs):
        found.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return found


def test_sctransnet_warms_up_from_zero_for_ten_epochs():
    found = rates(Config.fromfile(CONFIGS / 'sctransnet/sctransnet_nudt.py'))
    assert len(found) == 1000
    assert found[0] == pytest.approx(0, abs=1e-11)
    assert found[1:11] == pytest.approx([k * 1e-4 for k in range(1, 11)], rel=1e-4)
    assert found[11] == pytest.approx(1e-3, rel=1e-4)
    assert found[500] == pytest.approx(5.144e-4, rel=1e-3)
    assert found[-1] == pytest.approx(1.001e-5, rel=1e-4)


def test_basicirstd_drops_to_a_tenth_after_epochs_200_and_300():
    found = rates(Config.fromfile(CONFIGS / 'common/common_acm_nudt.py'))
    assert len(found) == 400
    expected = [5e-4, 5e-4, 5e-5, 5e-5, 5e-6, 5e-6]
    assert [found[k] for k in (0, 199, 200, 299, 300, 399)] == pytest.approx(expected)


@pytest.mark.parametrize('name', ['mshnet/mshnet_nudt', 'hdnet/hdnet_nudt'])
def test_six_warm_up_epochs(name):
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    assert cfg.model.decode_head.warm_up_epochs == 6
    assert cfg.train_dataloader.drop_last


@pytest.mark.parametrize('stem', COMMON)
def test_the_common_config_is_that_of_basicirstd(stem):
    cfg = Config.fromfile(CONFIGS / f'common/{stem}.py')
    mean, std = STATISTICS[stem.rpartition('_')[2]]
    preprocessor = cfg.model.data_preprocessor
    assert (preprocessor.mean, preprocessor.std) == ([mean], [std])
    assert preprocessor.test_cfg == {'size_divisor': 32}
    assert cfg.model.backbone.in_channels == 1
    assert cfg.optim_wrapper == {'type': 'OptimWrapper', 'optimizer': {'type': 'Adam', 'lr': 5e-4}}
    assert cfg.train_dataloader.batch_size == 16
    head = cfg.model.decode_head
    loss = {'type': 'mmirstd.SoftIoULoss', 'smooth': 1.0, 'per_image': False}
    assert head.loss_decode == loss
    assert sum(head.get('output_weights') or [1]) == pytest.approx(1)
    assert not head.get('native_sides', False)
    assert not head.get('warm_up_epochs', 0)
    load, masks, crop, symmetry, _ = cfg.train_dataloader.dataset.pipeline
    assert load.channels == 1
    assert masks.type == 'mmirstd.LoadMask'
    assert crop == {
        'type': 'mmirstd.RandomTargetCrop',
        'size': 256,
        'target_prob': 0.5,
        'may_miss_by_one': True,
        'image_pad': mean,
    }
    assert symmetry == {'type': 'mmirstd.RandomSymmetry', 'prob': 0.5}
    for mode in ('val', 'test'):
        steps = [step.type for step in cfg[f'{mode}_dataloader'].dataset.pipeline]
        assert steps == ['LoadImageFromFile', 'mmirstd.LoadMask', 'PackSegInputs']


@pytest.fixture
def pair(tmp_path):
    """A frame of 100 x 200 pixels and its mask."""
    rng = np.random.default_rng(0)
    mask = np.zeros((100, 200), np.uint8)
    mask[40:44, 150:153] = 255
    image = rng.integers(0, 200, (100, 200), dtype=np.uint8)
    for name, array in (('image', image), ('mask', mask)):
        Image.fromarray(array).save(tmp_path / f'{name}.png')
        Image.fromarray(array[:, ::-1]).save(tmp_path / f'flipped_{name}.png')
    return tmp_path


def sample(pipeline: list, folder: Path, prefix: str = '') -> dict:
    return Compose(pipeline)(
        {
            'img_path': str(folder / f'{prefix}image.png'),
            'seg_map_path': str(folder / f'{prefix}mask.png'),
            'seg_fields': [],
            'reduce_zero_label': False,
        }
    )


@pytest.mark.parametrize('name', ['sirst', 'irstd1k', 'folder', 'nudt', 'mdfa', 'synthetic'])
def test_flipping_comes_first_as_in_the_release(name, pair):
    """A flipped sample is what the other steps make of the flipped frame."""
    pipeline = Config.fromfile(CONFIGS / f'_base_/datasets/{name}.py').train_pipeline
    flip = next(step for step in pipeline if step.type == 'RandomFlip')
    others = [step for step in pipeline if step is not flip]
    flip.prob = 1.0
    results = []
    for steps, prefix in ((pipeline, ''), (others, 'flipped_')):
        np.random.seed(3)
        if prefix:
            np.random.rand()  # what the flip draws
        results.append(sample(steps, pair, prefix))
    flipped, expected = results
    assert flipped['data_samples'].flip
    assert torch.equal(flipped['inputs'], expected['inputs'])
    assert torch.equal(
        flipped['data_samples'].gt_sem_seg.data, expected['data_samples'].gt_sem_seg.data
    )


@pytest.mark.parametrize(
    ('name', 'sides', 'size'),
    [('acm_nudt', (256, 1024), 480), ('dnanet_nudt', (128, 512), 256)],
)
def test_steps_of_the_acm_lineage(name, sides, size, pair):
    cfg = Config.fromfile(CONFIGS / f'{name.partition("_")[0]}/{name}.py')
    pipeline = cfg.train_dataloader.dataset.pipeline
    assert [step.type.rpartition('.')[2] for step in pipeline] == [
        'LoadImageFromFile',
        'LoadMask',
        'RandomFlip',
        'RandomLongSide',
        'PadToSize',
        'RandomCrop',
        'RandomGaussianBlur',
        'PackSegInputs',
    ]
    assert tuple(pipeline[3].sides) == sides
    np.random.seed(0)
    shapes = {tuple(sample(pipeline, pair)['inputs'].shape) for _ in range(4)}
    assert shapes == {(3, size, size)}


@pytest.mark.parametrize('name', ['dnanet', 'sctransnet', 'acm'])
def test_initial_weights(name):
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIGS / f'{name}/{name}_nudt.py')
    model = MODELS.build(cfg.model)
    model.init_weights()
    convolutions = [
        (path, module)
        for path, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 2000
    ]
    assert convolutions
    for path, conv in convolutions:
        fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(conv.weight)
        variance = {
            'dnanet': 2 / (fan_in + fan_out),
            'sctransnet': 2 / fan_in,
            'acm': 2 / (1 + 0.25**2) / ((fan_in + fan_out) / 2),
        }[name]
        assert conv.weight.var().item() == pytest.approx(variance, rel=0.2), path
        if conv.bias is not None:
            assert bool(conv.bias.any()) == (name != 'acm'), path
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d) and m.affine]
    spread = torch.cat([norm.weight for norm in norms]).std().item()
    assert spread == pytest.approx(0.02 if name == 'sctransnet' else 0, abs=0.003)
