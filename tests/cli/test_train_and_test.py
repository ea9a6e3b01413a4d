"""`mmirstd train` and `mmirstd test` on a toy project: a page on the screen, all in the log."""

import re
import sys
import warnings

import pytest
import torch
from toy_project import RUNS, logged, run, scores_of_test, write_toy_project

from mmirstd.cli.main import main
from mmirstd.io import held_warnings

PAGE = 24
"""Lines of a terminal page."""


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp('project')
    write_toy_project(folder, epochs=2)
    return folder


@pytest.fixture(scope='module')
def trained(project):
    command = [sys.executable, '-m', 'mmirstd', 'train', 'toy_config.py', '--work-dir', 'work']
    return run(command, cwd=project)


def log_of(work_dir):
    (log,) = work_dir.glob('*/*.log')
    return log.read_text()


def test_the_first_screen_fits_on_a_page(project, trained):
    lines = trained.stdout.splitlines()
    assert len(lines) <= PAGE
    assert max(map(len, lines)) <= 80 + len(str(project))
    for part in ('parameters', '8 images', '4 images', '2 epochs', 'toy_config.py', 'work'):
        assert part in trained.stdout
    assert trained.stderr == ''


def test_each_epoch_has_one_line_with_its_scores(project, trained):
    lines = trained.stdout.splitlines()
    (start,) = (k for k, line in enumerate(lines) if line.split()[:3] == ['epoch', 'loss', 'lr'])
    titles = lines[start].split()
    assert titles == ['epoch', 'loss', 'lr', 'IoU', 'nIoU', 'Pd', 'Fa', 'time', 'left']
    records = logged(project / 'work')
    for epoch in (1, 2):
        row = dict(zip(titles, lines[start + epoch].split(), strict=False))
        assert row['epoch'] == str(epoch)
        (scores,) = (r for r in records if 'irstd/IoU' in r and r['step'] == epoch)
        for name in ('IoU', 'nIoU', 'Pd', 'Fa'):
            assert row[name] == f'{scores[f"irstd/{name}"]:.2f}'
        losses = [r['loss'] for r in records if r.get('epoch') == epoch and 'loss' in r]
        assert float(row['loss']) > 0
        assert min(losses) - 1 < float(row['loss']) < max(losses) + 1
    assert str(next((project / 'work').glob('best_*.pth'))) in trained.stdout


def test_the_log_file_has_what_the_screen_has_not(project, trained):
    log = log_of(project / 'work')
    for part in (
        'System environment',
        'Config:\n',
        'Hooks will be executed',
        'The value is the same before and after',
        'Epoch(train) [2][4/4]',
        'Evaluated at (height x width)',
        'UserWarning',
    ):
        assert part in log
        assert part not in trained.stdout


@pytest.fixture
def here(project, monkeypatch):
    """Run `mmirstd` inside of this process, which has imported everything already."""
    monkeypatch.chdir(project)
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.setenv('MMIRSTD_VERBOSE', '')
    monkeypatch.setattr(held_warnings, '_log_files', [])
    monkeypatch.setattr(warnings, 'showwarning', warnings.showwarning)
    return lambda *words: main([*words, f'experiment_name=run_{next(RUNS)}'])


def test_verbose_shows_everything(here, capfd):
    options = ['--verbose', '--cfg-options', 'train_cfg.max_epochs=1']
    assert here('train', 'toy_config.py', '--work-dir', 'loud', *options) == 0
    out = capfd.readouterr().out
    for part in ('System environment', 'Config:\n', 'Hooks will be executed', 'Epoch(train) [1]'):
        assert part in out


@pytest.mark.usefixtures('trained')
def test_test_shows_the_table_and_little_else(project):
    checkpoint = next((project / 'work').glob('best_*.pth'))
    command = [sys.executable, '-m', 'mmirstd', 'test', 'toy_config.py', checkpoint]
    done = run([*command, '--work-dir', 'tested', '--out', 'masks'], cwd=project)
    assert 'Evaluated at (height x width): 32x32; 4 images' in done.stdout
    assert len(done.stdout.splitlines()) <= 2 * PAGE
    assert 'System environment' not in done.stdout
    assert 'irstd/IoU' in scores_of_test(project / 'tested')
    assert len(list((project / 'masks').glob('*.png'))) == 4


def test_an_error_is_one_paragraph_and_its_traceback_is_in_the_log(project, here, capfd):
    options = ['--cfg-options', 'train_dataloader.dataset.data_root=absent']
    assert here('train', 'toy_config.py', '--work-dir', 'failed', *options) == 1
    err = capfd.readouterr().err
    assert 'error: ' in err
    assert 'absent' in err
    assert 'Traceback' not in err
    assert str(next((project / 'failed').glob('*/*.log'))) in err
    assert 'Traceback' in log_of(project / 'failed')


@pytest.mark.parametrize('command', [['train', 'nudt'], ['test', 'nudt', 'weights.pth']])
def test_an_unknown_config_is_an_error_with_similar_names(command, capsys):
    assert main(command) == 1
    err = capsys.readouterr().err
    assert 'nudt is neither a file nor the name of' in err
    assert re.search(r'similar are .*_nudt', err)
    assert len(err) < 1000


TORCHRUN = [
    sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2',
    '-m', 'mmirstd',
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='is about machines without a GPU')
def test_two_processes_train_and_score_like_one(tmp_path):
    write_toy_project(tmp_path, epochs=2)
    (tmp_path / 'data/test/images/0.png').unlink()  # three images for two processes
    (tmp_path / 'data/test/masks/0.png').unlink()
    launched = ['--launcher', 'pytorch']
    done = run([*TORCHRUN, 'train', 'toy_config.py', '--work-dir', 'two', *launched], cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.strip()].count('epoch') == 1
    records = logged(tmp_path / 'two')
    losses = [record for record in records if 'loss' in record]
    # Two images for each process at a time: half as many steps as one process takes.
    assert len(losses) == 2 * 2
    assert [r['step'] for r in records if 'irstd/IoU' in r] == [1, 2]
    (best,) = (tmp_path / 'two').glob('best_*.pth')

    run([*TORCHRUN, 'test', 'toy_config.py', best, '--work-dir', 'test2', *launched], cwd=tmp_path)
    alone = [sys.executable, '-m', 'mmirstd', 'test', 'toy_config.py', best]
    run([*alone, '--work-dir', 'test1'], cwd=tmp_path)
    scores = [scores_of_test(tmp_path / name) for name in ('test1', 'test2')]
    assert scores[0]['irstd/images'] == 3
    for name in [name for name in scores[0] if name.startswith('irstd/')]:
        assert scores[1][name] == scores[0][name]
