"""The shared _base_ files: what they promise and that they merge into one config."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope, init_default_scope
from torch import nn

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.fixture
def mmseg_scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


def config(tmp_path: Path, *bases: str) -> Config:
    paths = [str(CONFIGS / '_base_' / base) for base in bases]
    file = tmp_path / 'config.py'
    file.write_text(f'_base_ = {paths}\n')
    return Config.fromfile(file)


@pytest.mark.parametrize('average', ['ema.py', 'swa.py'])
def test_runtime_schedule_and_average_merge_without_clashing_keys(tmp_path, average):
    cfg = config(tmp_path, 'default_runtime.py', 'schedules/adamw_150e.py', average)
    assert cfg.default_scope == 'mmseg'
    assert cfg.train_cfg.type == 'EpochBasedTrainLoop'
    assert cfg.log_processor.by_epoch
    assert cfg.default_hooks.checkpoint.by_epoch
    assert cfg.default_hooks.checkpoint.save_best == 'irstd/IoU'
    assert cfg.custom_hooks[0].type == 'EMAHook'


def test_visualisation_draws_every_image_once_turned_on(tmp_path):
    hook = config(tmp_path, 'default_runtime.py').default_hooks.visualization
    assert hook.interval == 1
    assert hook.draw is False


@pytest.mark.parametrize('present', [True, False])
def test_tensorboard_is_used_only_when_installed(tmp_path, monkeypatch, present):
    import importlib.util

    found = importlib.util.find_spec('os') if present else None
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: found)
    cfg = config(tmp_path, 'default_runtime.py')
    types = [backend.type for backend in cfg.vis_backends]
    assert types == ['LocalVisBackend'] + ['TensorboardVisBackend'] * present
    assert [backend.type for backend in cfg.visualizer.vis_backends] == types


def learning_rates(cfg: Config, epoch_length: int) -> list[float]:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([parameter], lr=cfg.optim_wrapper.optimizer.lr)
    schedulers = []
    for scheduler in cfg.param_scheduler:
        arguments = dict(scheduler)
        if arguments.get('by_epoch', True):  # as the runner does
            arguments.setdefault('end', cfg.train_cfg.max_epochs)
        cls = PARAM_SCHEDULERS.get(arguments.pop('type'))
        if arguments.pop('convert_to_iter_based', False):
            built = cls.build_iter_from_epoch(
                optimizer=optimizer, epoch_length=epoch_length, **arguments
            )
        else:
            built = cls(optimizer=optimizer, **arguments)
        schedulers.append(built)
    rates = []
    for _ in range(cfg.train_cfg.max_epochs * epoch_length):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return rates


def test_learning_rate_warms_up_for_ten_iterations_then_falls_to_the_papers_end(tmp_path):
    cfg = config(tmp_path, 'default_runtime.py', 'schedules/adamw_150e.py')
    rates = learning_rates(cfg, epoch_length=20)
    assert rates[0] == pytest.approx(1e-7)
    assert rates[:10] == sorted(rates[:10])
    assert max(rates) == pytest.approx(1e-4, rel=1e-3)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[1500] == pytest.approx((1e-4 + 1e-6) / 2, rel=1e-2)  # half way down a cosine
    assert rates[-1] == pytest.approx(1e-6, rel=0.02)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norms = nn.ModuleList([nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.LayerNorm(4)])
        self.queries = nn.Embedding(4, 8)
        self.patch_embed = nn.Linear(8, 8)


def decays(cfg: Config) -> dict[str, float]:
    net = Net()
    wrapper = build_optim_wrapper(net, cfg.optim_wrapper)
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    return {
        names[id(group['params'][0])]: group['weight_decay']
        for group in wrapper.optimizer.param_groups
    }


@pytest.mark.usefixtures('mmseg_scope')
def test_norms_and_embeddings_are_not_decayed(tmp_path):
    cfg = config(tmp_path, 'default_runtime.py', 'schedules/adamw_150e.py')
    found = decays(cfg)
    assert len(found) == len(list(Net().parameters()))
    decayed = {name for name, decay in found.items() if decay == pytest.approx(0.1)}
    assert decayed == {'conv.weight', 'conv.bias', 'patch_embed.weight', 'patch_embed.bias'}
    assert {decay for name, decay in found.items() if name not in decayed} == {0.0}


@pytest.mark.usefixtures('mmseg_scope')
def test_custom_keys_win_over_the_rule_for_embeddings(tmp_path):
    cfg = config(tmp_path, 'default_runtime.py', 'schedules/adamw_150e.py')
    cfg.optim_wrapper.paramwise_cfg.custom_keys = {'queries': {'lr_mult': 2.0, 'decay_mult': 0.5}}
    assert decays(cfg)['queries.weight'] == pytest.approx(0.05)


@pytest.mark.parametrize('schedule', ['adamw_150e', 'adamw_20e_cpu', 'adam_400e'])
def test_one_number_sets_the_length(tmp_path, schedule):
    cfg = config(tmp_path, 'default_runtime.py', f'schedules/{schedule}.py')
    cfg.merge_from_dict({'train_cfg.max_epochs': 12})
    rates = learning_rates(cfg, epoch_length=20)
    assert len(rates) == 12 * 20
    for scheduler in cfg.param_scheduler:
        if scheduler.type == 'CosineAnnealingLR':
            assert rates[-1] == pytest.approx(scheduler.eta_min, rel=0.1)
