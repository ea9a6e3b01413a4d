"""A run that is killed and resumed ends like an uninterrupted one."""

import signal
import sys
from pathlib import Path

import pytest
import torch
from toy_project import logged, losses, run, run_tool_here, tool, write_toy_project

from mmirstd.checkpoints import load_checkpoint

EPOCHS, ITERATIONS = 4, 4


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> Path:
    # Noise on the inputs: the loss depends on the random numbers of the main process.
    folder = tmp_path_factory.mktemp('resume')
    return write_toy_project(folder, epochs=EPOCHS, jitter=0.5)


@pytest.fixture(scope='module')
def uninterrupted(config) -> Path:
    run_tool_here('train', config, '--work-dir', 'uninterrupted', cwd=config.parent)
    return config.parent / 'uninterrupted'


def killed(config: Path, work: str, **kill) -> Path:
    """Train in a separate process that SIGKILLs itself."""
    copy = config.with_name(f'{work}.py')
    copy.write_text(f'_base_ = {str(config)!r}\ncustom_hooks = [dict(type="KillHook", **{kill})]\n')
    command = [sys.executable, tool('train'), copy, '--work-dir', work]
    command += ['--cfg-options', 'default_hooks.checkpoint.max_keep_ckpts=1']
    done = run(command, cwd=config.parent, check=False)
    assert done.returncode == -signal.SIGKILL
    return config.parent / work


def test_killed_in_an_epoch_and_resumed_equals_uninterrupted(config, uninterrupted):
    work = killed(config, 'killed', iteration=2 * ITERATIONS + 2)
    assert load_checkpoint(work / 'epoch_2.pth')['meta']['iter'] == 2 * ITERATIONS
    assert len(losses(work)) == 2 * ITERATIONS + 2

    run_tool_here('train', config, '--work-dir', work.name, '--resume', cwd=config.parent)

    expected, resumed = (
        load_checkpoint(folder / f'epoch_{EPOCHS}.pth') for folder in (uninterrupted, work)
    )
    assert resumed['meta']['iter'] == expected['meta']['iter'] == EPOCHS * ITERATIONS
    assert resumed['meta']['epoch'] == EPOCHS
    assert losses(work) == pytest.approx(losses(uninterrupted), abs=1e-6)
    assert len(set(losses(work).values())) == EPOCHS * ITERATIONS
    for name, weight in expected['state_dict'].items():
        torch.testing.assert_close(resumed['state_dict'][name], weight)
    momenta = [state['optimizer']['state'][0]['exp_avg'] for state in (expected, resumed)]
    torch.testing.assert_close(*momenta)


def test_killed_while_writing_a_checkpoint(config):
    """Only one checkpoint is kept: the previous one must still be there, whole and found."""
    # Writes: epoch 1, last_checkpoint, best 1, epoch 1 again, last_checkpoint, epoch 2 (dies).
    work = killed(config, 'killed_in_write', write=6)
    names = {path.name for path in work.iterdir() if path.is_file()}
    (temporary,) = (name for name in names if name.endswith('.part'))
    assert temporary.startswith('.epoch_2.pth.')
    assert {'epoch_1.pth', 'best_irstd_IoU_epoch_1.pth', 'last_checkpoint'} < names
    assert load_checkpoint(work / 'epoch_1.pth')['meta']['epoch'] == 1

    run_tool_here('train', config, '--work-dir', work.name, '--resume', cwd=config.parent)

    assert load_checkpoint(work / f'epoch_{EPOCHS}.pth')['meta']['iter'] == EPOCHS * ITERATIONS
    assert not list(work.glob('.*'))


def test_killed_between_a_checkpoint_and_its_announcement(config):
    work = killed(config, 'killed_before_pointer', write=7)
    assert (work / 'last_checkpoint').read_text().endswith('epoch_1.pth')
    assert load_checkpoint(work / 'epoch_2.pth')['meta']['epoch'] == 2
    steps = len(losses(work))

    run_tool_here('train', config, '--work-dir', work.name, '--resume', cwd=config.parent)

    records = [record['step'] for record in logged(work) if 'loss' in record]
    assert records[steps:] == list(range(2 * ITERATIONS + 1, EPOCHS * ITERATIONS + 1))


def test_resuming_passes_over_a_truncated_checkpoint(config, uninterrupted, capfd):
    work = config.parent / 'truncated'
    work.mkdir()
    for epoch in (3, 4):
        content = (uninterrupted / f'epoch_{epoch}.pth').read_bytes()
        (work / f'epoch_{epoch}.pth').write_bytes(content[: -100 * (epoch == 4) or None])
    (work / 'last_checkpoint').write_text(str(work / 'epoch_4.pth'))

    run_tool_here('train', config, '--work-dir', work.name, '--resume', cwd=config.parent)

    assert 'epoch_4.pth, which is incomplete' in ''.join(capfd.readouterr())
    assert load_checkpoint(work / 'epoch_4.pth')['meta']['iter'] == EPOCHS * ITERATIONS


def test_a_truncated_checkpoint_that_is_asked_for_is_named(config, uninterrupted):
    path = config.parent / 'asked_for' / 'epoch_4.pth'
    path.parent.mkdir()
    path.write_bytes((uninterrupted / 'epoch_4.pth').read_bytes()[:-100])
    (path.parent / 'epoch_3.pth').write_bytes((uninterrupted / 'epoch_3.pth').read_bytes())
    options = ['--work-dir', 'asked_for', '--resume', '--cfg-options', f'load_from={path}']
    with pytest.raises(ValueError, match=r'epoch_4\.pth is incomplete') as caught:
        run_tool_here('train', config, *options, cwd=config.parent)
    way_out = f'--resume --cfg-options load_from={path.with_name("epoch_3.pth")}'
    assert way_out in str(caught.value)
