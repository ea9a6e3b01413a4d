import pytest

from mmirstd.io.hashing import sha256

OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'  # FIPS 180-2, B.1


def test_known_digest_of_one_and_of_several_files(tmp_path):
    for name, content in (('whole', b'abc'), ('a', b'a'), ('bc', b'bc')):
        (tmp_path / name).write_bytes(content)
    assert sha256(tmp_path / 'whole') == OF_ABC
    assert sha256(str(tmp_path / 'a'), tmp_path / 'bc') == OF_ABC


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='absent'):
        sha256(tmp_path / 'absent')
