"""Interrupted writes never cost a file; what they leave is found and removed."""

import errno
import os
import stat
from pathlib import Path

import pytest

from mmirstd.io.atomic import (
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
