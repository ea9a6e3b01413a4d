"""Every config: complete for MMSegmentation's tools, and free of its traps."""

import inspect
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmirstd import registry

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
RECIPES = sorted(path for path in CONFIGS.rglob('*.py') if '_base_' not in path.parts)
# Losses and models of MMSegmentation that are wrong for one output channel (test_mmseg_traps.py).
WRONG_FOR_ONE_CHANNEL = {'DiceLoss', 'TverskyLoss', 'FocalLoss', 'PointHead', 'SegTTAModel'}
# Students and teachers of the distillation are not segmentors: test_distillation_configs.py.
SEGMENTORS = [path for path in RECIPES if 'distill' not in path.parts]
NODES = [node for node in vars(registry).values() if isinstance(node, registry.root.Registry)]


def nodes_of(value: Any) -> Iterator[dict]:
    """Every dictionary in a config, at any depth."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from nodes_of(item)


@pytest.fixture(scope='module', params=SEGMENTORS, ids=lambda path: str(path.relative_to(CONFIGS)))
def cfg(request) -> Config:
    return Config.fromfile(request.param)


def full_type(node: dict) -> str:
    """The type with its scope, whichever way the scope is written."""
    scope = node.get('_scope_')
    return f'{scope}.{node["type"]}' if scope else node['type']


def threshold_of(head: dict) -> float | None:
    """What the head is given, or else its own default."""
    scope, _, name = head['type'].rpartition('.')
    if 'threshold' in head or scope != 'mmirstd':
        return head.get('threshold')
    return inspect.signature(registry.MODELS.get(name)).parameters['threshold'].default


def test_there_are_configs_and_mim_finds_each_by_its_name():
    """`mim train mmirstd NAME` searches all folders for the file name alone."""
    assert RECIPES
    counts = Counter(path.name for path in CONFIGS.rglob('*.py'))
    assert [path.name for path in RECIPES if counts[path.name] > 1] == []


def test_own_types_exist_and_stock_ones_are_right_for_one_channel(cfg):
    assert cfg.default_scope == 'mmseg'
    assert 'custom_imports' not in cfg
    types = {full_type(node) for node in nodes_of(cfg._cfg_dict.to_dict()) if 'type' in node}
    assert not types & WRONG_FOR_ONE_CHANNEL
    own = {name.partition('.')[2] for name in types if name.startswith('mmirstd.')}
    assert 'IRSTDTTAModel' in own
    for name in own:
        assert any(node.get(name) is not None for node in NODES), f'mmirstd.{name} is unknown'


def test_tools_find_what_they_need(cfg):
    assert cfg.tta_model.type == 'mmirstd.IRSTDTTAModel'
    assert cfg.tta_pipeline
    assert cfg.test_pipeline
    assert cfg.default_hooks.visualization.interval == 1
    assert cfg.default_hooks.visualization.draw is False
    # `mim test --out DIR` writes into the evaluator and fails on a list.
    assert isinstance(cfg.test_evaluator, dict)
    # MMSegmentation's default of 0.3 for one channel surprises.
    assert threshold_of(cfg.model.decode_head) == 0.5


def splits(loader):
    parts = loader.dataset.get('datasets', [loader.dataset])
    return {part.split for part in parts}


def test_checkpoints_are_chosen_on_validation_data(cfg, request):
    hook = cfg.default_hooks.checkpoint
    assert hook.type == 'mmirstd.AtomicCheckpointHook'
    joint = cfg.val_evaluator.get('per_dataset', False)
    assert hook.save_best == ('irstd/mean_IoU' if joint else 'irstd/IoU')
    assert hook.rule == 'greater'
    chosen_on_test = bool(splits(cfg.val_dataloader) & splits(cfg.test_dataloader))
    name = request.node.callspec.params['cfg'].stem
    assert chosen_on_test == ('test_selected' in name)


def test_lengths_of_training_agree(cfg):
    """The learning rate reaches its end in the last epoch, also where an epoch count is local."""
    if cfg.get('train_cfg') is None:
        assert cfg.train_dataloader is None
        assert 'optim_wrapper' not in cfg
        return
    epochs = cfg.train_cfg.max_epochs
    by_epoch = [scheduler for scheduler in cfg.param_scheduler if scheduler.get('by_epoch', True)]
    # The runner ends a scheduler that names no end with the training.
    ends = [scheduler.get('end', epochs) for scheduler in by_epoch]
    assert ends
    assert max(ends) == epochs  # a warm-up ends before
    assert cfg.train_cfg.val_interval <= epochs
