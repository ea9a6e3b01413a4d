"""Interrupted writes never cost a checkpoint. A real SIGKILL is in tests/test_resume.py."""

import errno
from pathlib import Path

import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub

from mmirstd.engine.atomic_checkpoint import AtomicCheckpointHook


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


class Logger:
    def info(self, message):
        pass

    warning = info


class FakeRunner:
    """The part of a Runner that the hook touches; saving goes through MMEngine's function."""

    def __init__(self, work_dir: Path):
        self.work_dir = str(work_dir)
        self.logger = Logger()
        self.message_hub = MessageHub(f'hub of {work_dir}')
        self.epoch = self.iter = 0
        self.max_epochs = 100
        self.seen: list[set[str]] = []
        self.fail = False

    def save_checkpoint(self, out_dir, filename, meta=None, backend_args=None, **arguments):
        from mmengine.runner.checkpoint import save_checkpoint

        self.seen.append(names(Path(self.work_dir)))
        if self.fail:
            raise OSError(errno.ENOSPC, 'No space left on device')
        state = {'meta': dict(meta), 'hub': dict(self.message_hub.runtime_info)}
        save_checkpoint(state, str(Path(out_dir) / filename), backend_args=backend_args)

    def finish_epoch(self, hook: CheckpointHook, **metrics: float) -> None:
        hook.after_train_epoch(self)
        self.epoch += 1
        if metrics:
            hook.after_val_epoch(self, metrics)


@pytest.fixture
def runner(tmp_path):
    return FakeRunner(tmp_path)


def make_hook(runner: FakeRunner, **arguments) -> AtomicCheckpointHook:
    hook = AtomicCheckpointHook(interval=1, save_last=False, **arguments)
    hook.before_train(runner)
    return hook


def test_outdated_checkpoint_goes_only_after_the_new_one_is_complete(runner, tmp_path):
    hook = make_hook(runner, max_keep_ckpts=1)
    runner.finish_epoch(hook)
    runner.finish_epoch(hook)
    assert runner.seen[1] == {'epoch_1.pth', 'last_checkpoint'}  # still there while saving
    assert names(tmp_path) == {'epoch_2.pth', 'last_checkpoint'}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_2.pth')
    assert torch.load(tmp_path / 'epoch_2.pth', weights_only=True)['hub']['keep_ckpt_ids'] == [2]


def test_previous_best_goes_only_after_the_new_one_is_complete(runner, tmp_path):
    hook = make_hook(runner, max_keep_ckpts=1, save_best='irstd/IoU', rule='greater')
    runner.finish_epoch(hook, **{'irstd/IoU': 0.5})
    assert 'best_irstd_IoU_epoch_1.pth' in names(tmp_path)
    runner.seen.clear()
    runner.finish_epoch(hook, **{'irstd/IoU': 0.6})
    assert all('best_irstd_IoU_epoch_1.pth' in seen for seen in runner.seen)
    expected = {'best_irstd_IoU_epoch_2.pth', 'epoch_2.pth', 'last_checkpoint'}
    assert names(tmp_path) == expected
    # The last checkpoint knows of the new best one.
    hub = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)['hub']
    assert hub['best_ckpt'] == str(tmp_path / 'best_irstd_IoU_epoch_2.pth')
    runner.finish_epoch(hook, **{'irstd/IoU': 0.1})
    assert names(tmp_path) == expected - {'epoch_2.pth'} | {'epoch_3.pth'}


def test_best_of_a_repeated_epoch_is_not_removed(runner, tmp_path):
    """After a resume the same epoch may write the best checkpoint under the same name again."""
    hook = make_hook(runner, save_best='irstd/IoU', rule='greater')
    runner.finish_epoch(hook, **{'irstd/IoU': 0.5})
    runner.epoch = 0
    runner.finish_epoch(hook, **{'irstd/IoU': 0.6})
    assert 'best_irstd_IoU_epoch_1.pth' in names(tmp_path)


def test_failed_save_keeps_what_was_there(runner, tmp_path):
    hook = make_hook(runner, max_keep_ckpts=1)
    runner.finish_epoch(hook)
    runner.fail = True
    with pytest.raises(OSError, match='No space left'):
        runner.finish_epoch(hook)
    assert names(tmp_path) == {'epoch_1.pth', 'last_checkpoint'}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_1.pth')


def test_unknown_best_metric_lists_the_known_ones(runner):
    hook = make_hook(runner, save_best='irstd/IoU', rule='greater')
    with pytest.raises(ValueError, match=r"save_best=\['irstd/IoU'\].*\['irstd/Fa', 'irstd/Pd'\]"):
        runner.finish_epoch(hook, **{'irstd/Pd': 0.5, 'irstd/Fa': 0.1})
