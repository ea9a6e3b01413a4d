"""A full disk while a command writes its result: the file is whole or not there, and is named."""

import contextlib
import resource
from pathlib import Path

import pytest
import torch
from bright_model import write_export_project

from mmirstd.cli.commands import export, report, score
from mmirstd.inference.configs import load_config
from mmirstd.io.outputs.atomic import atomic_buffer

PAGE = 4096
MODEL = ['bright.py', 'bright.pth']
COMMANDS = {
    'report': (report, 'page.html', ['--images', 'images', '--masks', 'masks', '--model', *MODEL]),
    'ONNX': (export, 'net.onnx', MODEL),
    'program': (export, 'net.pt2', MODEL),
    'numbers': (score, 'numbers.json', ['masks', 'masks', '--json']),
    'table': (score, 'table.csv', ['masks', 'masks', '--per-image']),
    'curves': (
        score,
        'curves/pixel_curve.csv',
        ['masks', 'masks', '--kind', 'probability', '--curves'],
    ),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_export_project(8)
    return tmp_path


def run(name, out, *more):
    """The exit code of a command that writes into the folder ``out``, and its result."""
    module, file, words = COMMANDS[name]
    if name in ('ONNX', 'program'):
        pytest.importorskip('onnxscript')
        pytest.importorskip('onnxruntime')
    if module is not score:
        words = [*words, '--out']
    place = out / Path(file).parts[0]
    return module.main([*words, str(place), *more]), out / file


def files(folder):
    return {path.name for path in folder.rglob('*') if path.is_file()}


@contextlib.contextmanager
def file_limit(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def said(capsys):
    return capsys.readouterr().err.replace('\n', '')


@pytest.mark.parametrize('name', COMMANDS)
def test_a_full_disk(project, small_disk, capsys, name):
    (small_disk / 'ballast').write_bytes(bytes(12 * 2**20))
    code, file = run(name, small_disk)
    assert code == 1
    text = said(capsys)
    assert 'No space left on device. 0.0 MB are free there' in text
    assert str(file) in text
    assert files(small_disk) == {'ballast'}
    (small_disk / 'ballast').unlink()
    code, file = run(name, small_disk)
    assert code == 0
    assert file.stat().st_size > 0


@pytest.mark.parametrize('name', ['report', 'program', 'curves'])
def test_a_disk_that_fills_keeps_the_earlier_result(project, small_disk, capsys, name):
    code, file = run(name, small_disk)
    assert code == 0
    before = file.read_bytes()
    with contextlib.suppress(OSError), (small_disk / 'ballast').open('wb', 0) as ballast:
        while ballast.write(bytes(PAGE)):
            pass
    code, file = run(name, small_disk)
    assert code == 1
    assert str(file) in said(capsys)
    assert file.read_bytes() == before


@pytest.mark.parametrize('name', COMMANDS)
def test_a_limit_on_the_size_of_files(project, capsys, name):
    out = project / 'out'
    # More than the copy of the config, less than the result
    with file_limit(300 if name in ('numbers', 'table') else 5000):
        code, file = run(name, out)
    assert code == 1
    text = said(capsys)
    assert 'File too large' in text
    assert 'ulimit -f' in text
    assert str(file) in text
    assert files(out) == set()


@pytest.mark.slow
def test_quantised_networks(project, small_disk, capsys):
    pytest.importorskip('onnxscript')
    pytest.importorskip('onnxruntime.quantization')
    (small_disk / 'ballast').write_bytes(bytes(12 * 2**20 - 3 * PAGE))  # for the first one alone
    more = ['--int8', 'static', '--images', 'images']
    code, file = run('ONNX', small_disk, *more)
    assert code == 1
    text = said(capsys)
    assert 'No space left on device' in text
    assert str(file.with_name('net_int8.onnx')) in text
    assert files(small_disk) == {'ballast', 'net.onnx'}
    (small_disk / 'ballast').unlink()
    assert run('ONNX', small_disk, *more)[0] == 0
    assert files(small_disk) == {'net.onnx', 'net_int8.onnx'}


def test_weights_are_written_without_ending_the_process(small_disk):
    (small_disk / 'ballast').write_bytes(bytes(12 * 2**20 - PAGE))
    with pytest.raises(OSError, match=r'No space left.*weights\.pth'):
        save(small_disk / 'weights.pth')
    assert files(small_disk) == {'ballast'}


def save(path):
    with atomic_buffer(path) as buffer:
        torch.save({'weights': torch.zeros(10_000)}, buffer)


def test_a_full_disk_of_temporary_files_is_not_a_wrong_config(project, capsys):
    with file_limit(50), pytest.raises(OSError, match=r'cannot write: File too large.*bright\.py'):
        load_config('bright.py')
