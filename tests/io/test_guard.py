"""The rule about places for results, on every way around it."""

import os

import pytest

from mmirstd.io.outputs.guard import Inputs, OutputError, check_output


def test_names_below_the_folder_pass(tmp_path):
    assert check_output('a/b.png', folder=tmp_path) == tmp_path / 'a/b.png'
    assert check_output(tmp_path / 'new.onnx') == tmp_path / 'new.onnx'


@pytest.mark.parametrize('name', ['../x.png', 'a/../../x.png', '/abs/x.png', '', '.', 'a/..'])
def test_nothing_is_written_outside_of_the_folder(tmp_path, name):
    with pytest.raises(OutputError, match=r'outside of|is a folder'):
        check_output(name, folder=tmp_path / 'out')


def test_the_folder_may_be_a_link_but_nothing_below(tmp_path):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'out').symlink_to(tmp_path / 'disk')
    assert check_output('a.png', folder=tmp_path / 'out')
    (tmp_path / 'disk/masks').symlink_to(tmp_path)
    (tmp_path / 'disk/a.png').symlink_to(tmp_path / 'photo.png')  # a dangling one too
    for name in ('masks/a.png', 'a.png'):
        with pytest.raises(OutputError, match='is a link to'):
            check_output(name, folder=tmp_path / 'out')


@pytest.mark.parametrize('way', ['itself', 'relative', 'link', 'hard link', 'folder of inputs'])
def test_inputs_are_known_under_every_name(tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    image = tmp_path / 'images' / 'a.png'
    image.parent.mkdir()
    image.write_bytes(b'photo')
    (tmp_path / 'linked').symlink_to(image)
    os.link(image, tmp_path / 'hard.png')
    asked, inputs = {
        'itself': (image, [image]),
        'relative': ('images/../images/a.png', [image]),
        'link': (image, [tmp_path / 'linked']),
        'hard link': (tmp_path / 'hard.png', [image]),
        'folder of inputs': (image, [image.parent]),
    }[way]
    with pytest.raises(OutputError, match='is an input'):
        check_output(asked, inputs=Inputs(inputs))
    assert check_output(tmp_path / 'images/b.png', inputs=inputs)


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(OutputError, match='is a folder'):
        check_output(tmp_path)


def test_inputs_that_do_not_exist_protect_nothing(tmp_path):
    assert check_output(tmp_path / 'x.png', inputs=[tmp_path / 'x.png', 'b\0ad'])
