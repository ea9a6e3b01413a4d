"""tools/make_synthetic.py: options reach the generator, errors give exit code 1."""

import json
import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

TOOL = Path(__file__).parents[2] / 'tools' / 'make_synthetic.py'
main = runpy.run_path(str(TOOL))['main']
BASE = ['--train', '2', '--val', '0', '--test', '1', '--size', '40', '48']


def test_options_reach_the_generator(tmp_path, capsys):
    out = tmp_path / 'set'
    options = ['--bits', '16', '--scr', '2', '8', '--targets', '1', '2', '--seed', '4']
    assert main([str(out), *BASE, *options]) == 0
    manifest = json.loads((out / 'manifest.json').read_text())
    assert manifest['splits'] == {'train': 2, 'test': 1}
    assert manifest['seed'] == 4
    assert manifest['config']['scr'] == [2.0, 8.0]
    image = cv2.imread(str(out / 'train/images/train_00001.png'), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16
    assert image.shape == (40, 48)
    assert '2 train images, 1 test image in' in capsys.readouterr().err


def test_one_size_gives_squares(tmp_path):
    assert main([str(tmp_path), '--train', '1', '--val', '0', '--test', '0', '--size', '40']) == 0
    image = cv2.imread(str(tmp_path / 'train/images/train_00000.png'), cv2.IMREAD_UNCHANGED)
    assert image.shape == (40, 40)


def test_refusal_and_overwrite(tmp_path, capsys):
    assert main([str(tmp_path), *BASE]) == 0
    assert main([str(tmp_path), *BASE, '--seed', '1']) == 1
    message = ' '.join(capsys.readouterr().err.split())
    assert 'seed 0 there, 1 requested' in message
    assert '--overwrite' in message
    assert main([str(tmp_path), *BASE, '--seed', '1', '--overwrite']) == 0


@pytest.mark.parametrize(
    ('option', 'message'),
    [(['--scr', '8', '2'], 'scr=(8.0, 2.0)'), (['--size', '8'], 'size=(8, 8)')],
)
def test_bad_values_are_explained(tmp_path, capsys, option, message):
    assert main([str(tmp_path), *BASE, *option]) == 1
    assert message in capsys.readouterr().err


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit) as caught:
        main(['--help'])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for option in ('--layout', '--scr', '--psf-sigma', '--overwrite', '--backgrounds'):
        assert option in text
