"""The configs of the distillation: complete, buildable, and with the paper's values."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmirstd import registry
from mmirstd.models.semantic_sam.pixel_decoder import SemanticSAMPixelDecoder
from mmirstd.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
RECIPES = sorted((CONFIGS / 'distill').glob('*.py'))
TRAINED = [path for path in RECIPES if 'one_click' not in path.name]
NODES = [node for node in vars(registry).values() if isinstance(node, registry.root.Registry)]
PAPER = 'semantic_sam_swinl_repvit_m1_1_sa1b'


def types_in(value) -> set[str]:
    if isinstance(value, dict):
        found = set().union(*(types_in(each) for each in value.values()), set())
        return found | ({value['type']} if isinstance(value.get('type'), str) else set())
    if isinstance(value, list | tuple):
        return set().union(*(types_in(each) for each in value), set())
    return set()


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.stem)
def test_configs_name_known_parts_and_can_be_tested(path):
    cfg = Config.fromfile(path)
    assert cfg.default_scope == 'mmseg'
    assert cfg.default_hooks.checkpoint.type == 'mmirstd.AtomicCheckpointHook'
    assert cfg.test_evaluator.type == 'mmirstd.OneClickIoUMetric'
    assert cfg.test_dataloader.batch_size == 1  # segments differ in number
    own = {t.removeprefix('mmirstd.') for t in types_in(cfg._cfg_dict.to_dict()) if 'mmirstd.' in t}
    for name in own:
        assert any(node.get(name) is not None for node in NODES), f'mmirstd.{name} is unknown'


@pytest.mark.parametrize('path', TRAINED, ids=lambda path: path.stem)
def test_lengths_of_training_agree(path):
    cfg = Config.fromfile(path)
    epochs = cfg.train_cfg.max_epochs
    by_epoch = [scheduler for scheduler in cfg.param_scheduler if scheduler.get('by_epoch', True)]
    assert {scheduler.get('end', epochs) for scheduler in by_epoch} == {epochs}
    assert cfg.default_hooks.checkpoint.save_best == 'one_click/max'


def test_values_of_the_paper():
    cfg = Config.fromfile(CONFIGS / f'distill/{PAPER}.py')
    assert cfg.model.loss.weight == 5
    assert cfg.train_cfg.max_epochs == 20
    assert cfg.train_dataloader.batch_size * 8 == 16  # eight GPUs
    assert cfg.optim_wrapper.optimizer == {'type': 'AdamW', 'lr': 1e-4, 'weight_decay': 0.05}
    (_, steps) = cfg.param_scheduler
    assert list(steps.milestones) == [18, 19]
    assert steps.gamma == 0.1


@pytest.mark.parametrize('name', [PAPER, f'{PAPER}_640', 'tiny_synthetic'])
def test_student_fits_to_its_teacher(name):
    cfg = Config.fromfile(CONFIGS / f'distill/{name}.py')
    init_default_scope('mmseg')
    model = cfg.train_cfg.teacher.semantic_sam
    widths = tuple(model.backbone.embed_dims * 2**stage for stage in range(4))
    with torch.device('meta'):  # nothing of the large backbone is needed
        decoder = SemanticSAMPixelDecoder(widths, **model.get('pixel_decoder', {}))
    if 'weights' in cfg.model.backbone:
        cfg.model.backbone.weights = None
    student = MODELS.build(cfg.model)
    student.take_decoder(SimpleNamespace(pixel_decoder=decoder))
    assert student.neck.out_channels == widths


def test_sums_of_gradients_end_at_checkpoints():
    cfg = Config.fromfile(CONFIGS / f'distill/{PAPER}_640.py')
    assert cfg.default_hooks.checkpoint.interval % cfg.optim_wrapper.accumulative_counts == 0
    assert cfg.train_dataloader.batch_size * cfg.optim_wrapper.accumulative_counts == 16
