"""Batch norms that keep their statistics while the rest of the model trains."""

import itertools

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmirstd.engine import FrozenNormHook

NAMES = itertools.count()


class Model(BaseModel):
    """One batch norm; notes its mean after every step."""

    def __init__(self, norm=True):
        super().__init__()
        self.norm = nn.BatchNorm1d(2) if norm else nn.Linear(2, 2)
        self.means: list[float] = []

    def forward(self, x, mode='loss'):
        return {'loss': (self.norm(x) - 1).square().sum()}

    def train_step(self, data, optim_wrapper):
        logged = super().train_step(data, optim_wrapper)
        if isinstance(self.norm, nn.BatchNorm1d):
            self.means.append(self.norm.running_mean[0].item())
        return logged


def train(folder, model, **options):
    runner = Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader={
            'batch_size': 2,
            'num_workers': 0,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': [{'x': torch.full((2,), float(value))} for value in (1, 2, 3, 6)],
            'collate_fn': {'type': 'default_collate'},
        },
        train_cfg={'by_epoch': True, 'max_epochs': 3},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        custom_hooks=[FrozenNormHook(**options)],
        experiment_name=f'frozen_{next(NAMES)}',
        default_scope='mmengine',
    )
    runner.train()
    return model


def test_statistics_stay_and_weights_learn(tmp_path):
    model = train(tmp_path, Model())
    assert model.means == [0.0] * 6
    # Normalised with mean 0 and variance 1, the first batch is itself: output - 1 pulls at both.
    assert model.norm.weight[0] != 1
    assert model.norm.bias[0] != 0


def test_they_are_frozen_from_the_epoch_on(tmp_path):
    model = train(tmp_path, Model(), begin=2)
    assert len(set(model.means[:4])) == 4
    assert model.means[4:] == [model.means[3]] * 2


def test_what_makes_no_sense_is_refused(tmp_path):
    with pytest.raises(ValueError, match='begin=-1'):
        FrozenNormHook(begin=-1)
    with pytest.raises(ValueError, match='no batch norm'):
        train(tmp_path, Model(norm=False))
