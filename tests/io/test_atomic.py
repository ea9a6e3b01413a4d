"""Interrupted writes never cost a file; what they leave is found and removed."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmirstd.cli.stopping import run_tool
from mmirstd.io.outputs.atomic import (
    append_line,
    atomic_path,
    is_interrupted_write,
    remove_interrupted_writes,
    write_atomically,
)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_write_replaces_content_and_leaves_nothing_else(tmp_path):
    path = tmp_path / 'new' / 'file'
    write_atomically(path, b'old')
    write_atomically(path, b'new')
    assert path.read_bytes() == b'new'
    assert names(path.parent) == {'file'}
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_full_disk_is_named_and_harmless(tmp_path, monkeypatch):
    path = tmp_path / 'epoch_1.pth'
    write_atomically(path, b'old')

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(OSError, match=r'cannot write: No space.*MB are free.*epoch_1') as caught:
        write_atomically(path, b'x' * 2_000_000)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == b'old'
    assert names(tmp_path) == {'epoch_1.pth'}


def test_remains_of_a_killed_write_are_removed(tmp_path):
    for name in ('.epoch_3.pth.abcd.part', 'epoch_2.pth', '.hidden'):
        (tmp_path / name).touch()
    remove_interrupted_writes(tmp_path)
    assert names(tmp_path) == {'epoch_2.pth', '.hidden'}


def test_a_failing_block_leaves_the_old_file(tmp_path):
    path = tmp_path / 'model.onnx'
    path.write_text('old')

    def write_half():
        with atomic_path(path, keep_suffix=True) as temporary:
            assert temporary.suffix == '.onnx'
            temporary.write_text('half')
            assert is_interrupted_write(temporary)
            raise ValueError('the exporter failed')

    with pytest.raises(ValueError, match='the exporter failed'):
        write_half()
    assert path.read_text() == 'old'
    assert names(tmp_path) == {'model.onnx'}


def test_errors_about_other_files_stay_what_they_are(tmp_path):
    def read_absent():
        with atomic_path(tmp_path / 'out'):
            Path(tmp_path / 'absent').read_bytes()

    with pytest.raises(FileNotFoundError) as caught:
        read_absent()
    assert caught.value.filename.endswith('absent')


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / 'file').touch()
    for write in (write_atomically, append_line):
        with pytest.raises(OSError, match=r'cannot write: (Not a directory|File exists).*x\.txt'):
            write(tmp_path / 'file' / 'x.txt', 'text')


def test_text_is_utf8_and_lines_are_appended(tmp_path):
    write_atomically(tmp_path / 'log', 'größe\n')
    append_line(tmp_path / 'log', 'ü')
    assert (tmp_path / 'log').read_bytes() == 'größe\nü\n'.encode()


WRITERS = """
import sys
from mmirstd.io.outputs.atomic import write_atomically
for k in range(100):
    write_atomically(sys.argv[1], sys.argv[2] * 100_000, sync=False)
"""


@pytest.mark.parametrize('count', [2, 4])
def test_several_processes_write_one_file(tmp_path, count):
    path = tmp_path / 'cache'
    workers = [
        subprocess.Popen([sys.executable, '-c', WRITERS, str(path), letter])
        for letter in 'abcd'[:count]
    ]
    assert [worker.wait() for worker in workers] == [0] * count
    assert set(path.read_text()) in [{letter} for letter in 'abcd'[:count]]
    assert path.stat().st_size == 100_000
    assert names(tmp_path) == {'cache'}


@pytest.mark.parametrize('stage', ['before', 'half', 'whole'])
@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_stage_leaves_the_old_file_alone(tmp_path, capsys, stage, number):
    path = tmp_path / 'report.html'
    path.write_text('old')

    def main():
        with atomic_path(path) as temporary:
            if stage != 'before':
                temporary.write_text('new' if stage == 'whole' else 'n')
            os.kill(os.getpid(), number)
            time.sleep(10)  # the signal ends it
        return 0

    assert run_tool(main) == 128 + number
    assert f'stopped by {number.name}' in capsys.readouterr().err
    assert path.read_text() == 'old'
    assert names(tmp_path) == {'report.html'}


@pytest.mark.parametrize('stage', ['before', 'half', 'whole'])
def test_a_kill_at_any_stage_leaves_the_old_file_alone(tmp_path, stage):
    path = tmp_path / 'report.html'
    path.write_text('old')
    code = f"""
import os, signal
from mmirstd.io.outputs.atomic import atomic_path
with atomic_path({str(path)!r}) as temporary:
    if {stage!r} != 'before':
        temporary.write_text('new' if {stage!r} == 'whole' else 'n')
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, '-c', code]).returncode == -signal.SIGKILL
    assert path.read_text() == 'old'
    (left,) = names(tmp_path) - {'report.html'}
    assert left.startswith('.')
    remove_interrupted_writes(tmp_path, of=['other.html'])
    assert left in names(tmp_path)
    remove_interrupted_writes(tmp_path, of=['report.html'])
    assert names(tmp_path) == {'report.html'}
