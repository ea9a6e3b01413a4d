"""What `--resume` continues, with which schedule, and what it says before the first step."""

import itertools
import os
import re
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmirstd.engine.resume import ResumeHook, newest_checkpoint

NAMES = itertools.count()
PER_EPOCH = 3


def write(folder: Path, name: str, age: float, whole: bool = True) -> Path:
    path = folder / name
    torch.save({'state_dict': {}}, path)
    if not whole:
        path.write_bytes(path.read_bytes()[:-50])
    os.utime(path, (1e9 - age, 1e9 - age))
    return path


def test_a_newer_and_later_file_counts_more_than_the_announced_one(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    announced = write(tmp_path, 'epoch_2.pth', age=10)
    (tmp_path / 'last_checkpoint').write_text(str(announced))
    write(tmp_path, 'epoch_1.pth', age=5)  # copied later, but an earlier epoch
    write(tmp_path, 'epoch_9.pth', age=99)  # of an older, longer run
    write(tmp_path, 'best_irstd_IoU_epoch_3.pth', age=1)
    assert newest_checkpoint(tmp_path) == announced
    unannounced = write(tmp_path, 'epoch_3.pth', age=1)
    write(tmp_path, 'epoch_4.pth', age=0, whole=False)
    assert newest_checkpoint(tmp_path) == unannounced


def test_damaged_and_missing_announcements(tmp_path):
    first = write(tmp_path, 'iter_10.pth', age=10)
    last = write(tmp_path, 'iter_20.pth', age=5, whole=False)
    (tmp_path / 'last_checkpoint').write_text(str(last))
    assert newest_checkpoint(tmp_path) == first
    (tmp_path / 'last_checkpoint').unlink()
    assert newest_checkpoint(tmp_path) == first
    # The folder was moved: the announcement names the old place.
    (tmp_path / 'last_checkpoint').write_text('/no/such/place/iter_10.pth')
    assert newest_checkpoint(tmp_path) == first


class Model(BaseModel):
    """Notes the learning rate of every step."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.rates: list[float] = []

    def forward(self, x, mode='loss'):
        return {'loss': (self.weight - x.mean()).square().sum()}

    def train_step(self, data, optim_wrapper):
        self.rates.append(optim_wrapper.optimizer.param_groups[0]['lr'])
        return super().train_step(data, optim_wrapper)


def schedule(epochs: int) -> list[dict]:
    """Four iterations of warm-up, then a cosine to the end, as the configs have it."""
    return [
        {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'begin': 0, 'end': 4},
        {
            'type': 'CosineAnnealingLR', 'eta_min': 1e-4, 'T_max': epochs, 'begin': 0,
            'end': epochs, 'by_epoch': True, 'convert_to_iter_based': True,
        },
    ]  # fmt: skip


def train(folder, epochs, *, scheduler=None, resume=False, load_from=None, **checkpoint):
    model = Model()
    runner = Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader={
            'batch_size': 1,
            'num_workers': 0,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': [{'x': torch.ones(1)} for _ in range(PER_EPOCH)],
            'collate_fn': {'type': 'default_collate'},
        },
        train_cfg={'by_epoch': True, 'max_epochs': epochs},
        optim_wrapper={'optimizer': {'type': 'Adam', 'lr': 0.1}},
        param_scheduler=schedule(epochs) if scheduler is None else scheduler,
        default_hooks={'checkpoint': {'type': 'CheckpointHook', 'interval': 1, **checkpoint}},
        custom_hooks=[ResumeHook()],
        experiment_name=f'resume_{next(NAMES)}',
        default_scope='mmengine',
        load_from=load_from,
        resume=resume,
    )
    runner.train()
    return model.rates


@pytest.mark.parametrize('by_epoch', [True, False])
def test_a_longer_schedule_goes_on_as_if_it_had_been_there_from_the_start(
    tmp_path, capfd, by_epoch
):
    """With the saved schedule the cosine, which has ended, would rise again."""

    def options(epochs):
        if not by_epoch:
            return {}
        steps = {'type': 'MultiStepLR', 'milestones': [epochs // 2], 'gamma': 0.1, 'end': epochs}
        return {'scheduler': [steps]}

    straight = train(tmp_path / 'straight', 5, **options(5))
    train(tmp_path / 'resumed', 2, **options(2))
    capfd.readouterr()
    resumed = train(tmp_path / 'resumed', 5, resume=True, **options(5))
    assert resumed == pytest.approx(straight[2 * PER_EPOCH :])
    said = ''.join(capfd.readouterr())
    assert 'training continues with that of the config' in said
    assert 'end: ' in said


def test_an_equal_schedule_is_resumed_without_a_word(tmp_path, capfd):
    straight = train(tmp_path / 'straight', 4)
    cut = tmp_path / 'cut'
    train(cut, 4)
    for epoch in (2, 3, 4):
        (cut / f'epoch_{epoch}.pth').unlink()
    capfd.readouterr()
    resumed = train(cut, 4, resume=True)
    assert resumed == pytest.approx(straight[PER_EPOCH:])
    assert 'differs' not in ''.join(capfd.readouterr())


def test_nothing_to_resume_is_said_and_training_starts(tmp_path, capfd):
    assert len(train(tmp_path, 1, resume=True)) == PER_EPOCH
    assert re.search(r'WARNING.*contains no complete checkpoint', ''.join(capfd.readouterr()))


@pytest.mark.parametrize(
    ('option', 'what'),
    [('save_optimizer', 'state of the optimiser'), ('save_param_scheduler', 'of the schedule')],
)
def test_a_checkpoint_without_state_is_refused(tmp_path, option, what):
    train(tmp_path, 1, **{option: False})
    with pytest.raises(ValueError, match=rf'epoch_1\.pth cannot be resumed from.*{what}'):
        train(tmp_path, 2, resume=True)
    # As weights it serves.
    assert len(train(tmp_path / 'new', 1, load_from=str(tmp_path / 'epoch_1.pth'))) == PER_EPOCH


def test_a_killed_fine_tuning_is_continued(tmp_path):
    """``load_from`` of its config names the weights it began with, not where it was killed."""
    began = tmp_path / 'weights.pth'
    torch.save({'state_dict': {'weight': torch.full((1,), 5.0)}}, began)
    straight = train(tmp_path / 'straight', 3, load_from=str(began))
    train(tmp_path / 'cut', 3, load_from=str(began))
    for epoch in (2, 3):
        (tmp_path / 'cut' / f'epoch_{epoch}.pth').unlink()
    resumed = train(tmp_path / 'cut', 3, load_from=str(began), resume=True)
    assert resumed == pytest.approx(straight[PER_EPOCH:])
    twice = train(tmp_path / 'cut', 4, load_from=str(began), resume=True)
    assert len(twice) == PER_EPOCH


def test_another_file_is_resumed_from_where_it_is_asked_for(tmp_path):
    train(tmp_path, 3)
    rates = train(tmp_path, 3, load_from=str(tmp_path / 'epoch_1.pth'), resume=True)
    assert len(rates) == 2 * PER_EPOCH


def test_nothing_left_to_train_is_said(tmp_path, capfd):
    train(tmp_path / 'first', 2)
    capfd.readouterr()
    last = str(tmp_path / 'first' / 'epoch_2.pth')
    assert not train(tmp_path / 'second', 2, load_from=last, resume=True)
    said = ''.join(capfd.readouterr())
    assert 'nothing is left to train' in said
    assert 'leave --resume out' in said


def test_a_schedule_that_ends_early_is_reported(tmp_path, capfd):
    train(tmp_path, 3, scheduler=schedule(2))
    said = ''.join(capfd.readouterr())
    assert 'ends before the training does' in said
    assert 'CosineAnnealingLR ends at iteration 6' in said
