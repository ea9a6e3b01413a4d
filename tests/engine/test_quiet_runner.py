"""`mim train` with `runner_type='mmirstd.QuietRunner'`, as the shared configs have it."""

import logging
import warnings

import pytest
from rich.console import Console
from toy_project import run_tool_here, write_toy_project

from mmirstd.engine import console as quiet
from mmirstd.io import held_warnings


@pytest.fixture(autouse=True)
def stock_warnings(monkeypatch):
    """Undo what the runner does to warnings of the process."""
    monkeypatch.setattr(warnings, 'showwarning', warnings.showwarning)
    monkeypatch.setattr(held_warnings, '_log_files', [])


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp('project')
    write_toy_project(folder, epochs=1)
    return folder


def test_mim_train_is_quiet_by_the_shared_config(project, capfd):
    run_tool_here('train', 'toy_config.py', '--work-dir', 'work', cwd=project)
    out = capfd.readouterr().out
    assert 'Config:' not in out
    assert 'Epoch(train)' not in out
    assert [line.split()[0] for line in out.splitlines()].count('epoch') == 1
    assert '1 epoch' in out
    (log,) = (project / 'work').glob('*/*.log')
    assert 'Config:' in log.read_text()


def test_the_stock_runner_can_be_chosen(project, capfd):
    options = ['--cfg-options', 'runner_type=Runner']
    run_tool_here('train', 'toy_config.py', '--work-dir', 'stock', *options, cwd=project)
    assert 'Config:' in capfd.readouterr().out


def test_the_environment_variable_shows_everything(project, capfd, monkeypatch):
    monkeypatch.setenv('MMIRSTD_VERBOSE', '1')
    run_tool_here('train', 'toy_config.py', '--work-dir', 'loud', cwd=project)
    assert 'Config:' in capfd.readouterr().out


def test_a_run_counted_in_iterations_prints_steps(project, capfd):
    options = ['train_cfg.type=IterBasedTrainLoop', 'train_cfg.max_iters=6']
    options += ['train_cfg.val_interval=3', 'default_hooks.checkpoint.by_epoch=False']
    options += ['log_processor.by_epoch=False', 'train_cfg._delete_=True']
    options += ['train_dataloader.sampler.type=InfiniteSampler']
    arguments = ['--work-dir', 'steps', '--cfg-options', *options]
    run_tool_here('train', 'toy_config.py', *arguments, cwd=project)
    lines = capfd.readouterr().out.splitlines()
    (start,) = (k for k, line in enumerate(lines) if line.split()[:2] == ['step', 'loss'])
    rows = [line.split() for line in lines[start + 1 :] if line.split()[0].isdigit()]
    assert [row[0] for row in rows] == ['1', '2', '3', '4', '5', '6']
    assert [row[3] == '-' for row in rows] == [True, True, False, True, True, False]
    assert '6 steps' in '\n'.join(lines)


def test_a_training_that_a_hook_ends_says_so(project, capfd):
    hook = 'type="EarlyStoppingHook", monitor="irstd/IoU", rule="greater", patience=1'
    (project / 'early.py').write_text(
        f'_base_ = "toy_config.py"\ncustom_hooks = [dict({hook}, min_delta=100.0)]\n'
        'train_cfg = dict(max_epochs=5)\n'
    )
    run_tool_here('train', 'early.py', '--work-dir', 'early', cwd=project)
    out = capfd.readouterr().out
    assert 'stopped   after epoch 2 of 5 by a hook' in out
    assert 'done      in' in out


@pytest.fixture
def screen():
    console = Console(record=True, width=80)
    logger = logging.Logger('mmengine')
    logger.handlers = [logging.StreamHandler()]
    quiet.quieten(logger, console)
    return logger, console


def test_lines_of_libraries_stay_off_the_screen_and_warnings_come_once(screen):
    logger, console = screen
    scope = {'__name__': 'mmseg.apis', 'log': logger.log}
    exec('def say(level, text): log(level, text)', scope)
    scope['say'](logging.INFO, 'from a library')
    logger.info('from the user')
    for _ in range(2):
        scope['say'](logging.WARNING, 'weights do not fit')
    scope['say'](logging.WARNING, '"FileClient" will be deprecated in future')
    scope['say'](logging.ERROR, 'failed')
    assert console.export_text().splitlines() == [
        'from the user',
        'warning: weights do not fit',
        'error: failed',
    ]


def test_warnings_before_the_log_file_are_written_to_it_later(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(warnings, 'showwarning', lambda message, *more: shown.append(message))
    restore = held_warnings.hold_warnings()
    warnings.showwarning('early', UserWarning, 'library.py', 1)
    logger = logging.Logger('mmengine')
    logger.addHandler(logging.FileHandler(tmp_path / 'run.log'))
    held_warnings.release_held(logger.handlers)
    warnings.showwarning('late', UserWarning, 'library.py', 2)
    warnings.showwarning('ours', UserWarning, f'{held_warnings._PACKAGE}/io.py', 3)
    restore()
    warnings.showwarning('after', UserWarning, 'library.py', 4)
    text = (tmp_path / 'run.log').read_text()
    assert 'early' in text
    assert 'late' in text
    assert 'ours' not in text
    assert shown == ['ours', 'after']
