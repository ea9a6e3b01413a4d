"""Every command that takes a model takes the name of weights that are part of the package."""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmirstd.cli import mmseg_tools
from mmirstd.cli.commands import demo
from mmirstd.cli.main import COMMANDS, load_command, main
from mmirstd.weights import get_model_info

NAME = 'tiny'
WITH_A_MODEL = {'detect', 'track', 'report', 'demo', 'train', 'test', 'export', 'models'}


@pytest.fixture
def images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ('images', 'masks'):
        Path(folder).mkdir()
    image = np.random.default_rng(0).integers(900, 1100, (48, 56)).astype(np.uint16)
    image[20:23, 30:33] += 2000
    cv2.imwrite('images/a.png', image)
    cv2.imwrite('masks/a.png', np.where(image > 2000, 255, 0).astype(np.uint8))
    return tmp_path


def files():
    info = get_model_info(NAME)
    return [str(info.config_file()), str(info.weights_file())]


def test_the_commands_with_a_model_are_all_here():
    words = ('model', 'checkpoint', 'onnx', 'config')
    found = set()
    for name in COMMANDS:
        actions = load_command(name).build_parser()._actions
        subs = [a for a in actions if isinstance(a, argparse._SubParsersAction)]
        actions += [a for sub in subs for one in sub.choices.values() for a in one._actions]
        found |= {name for action in actions if action.dest in words}
    assert found - {'convert'} == WITH_A_MODEL  # convert makes weights


@pytest.mark.parametrize('command', ['detect', 'track'])
@pytest.mark.parametrize(
    'words', [['--model', NAME], ['--config', NAME, '--checkpoint', NAME], ['--config', NAME]]
)
def test_detect_and_track(command, words, images, capsys):
    assert main([command, 'images', '--out', 'found', '--quiet', *words]) == 0
    assert '1 target in 1 image,' in capsys.readouterr().err


def test_report(images, capsys):
    words = ['--model', NAME, '--model', 'light_unet_synthetic', NAME, '--names', 'one', 'two']
    words += ['--images', 'images', '--masks', 'masks', '--out', 'page.html']
    assert main(['report', *words]) == 0
    assert '2 models on 1 image' in capsys.readouterr().err
    page = Path('page.html').read_text()
    assert page.count(get_model_info(NAME).sha256) == 2


def test_demo(monkeypatch):
    loaded = {}

    def build_demo(detectors, folder):
        loaded.update(detectors)
        raise ValueError('enough')

    pytest.importorskip('gradio')
    monkeypatch.setattr('mmirstd.reporting.demo_page.build_demo', build_demo)
    assert demo.main(['--model', NAME]) == 1
    assert list(loaded) == [NAME]


def test_export(images, capsys):
    pytest.importorskip('onnxscript')
    from mmirstd.inference.onnx_detector import OnnxDetector

    assert main(['export', NAME, '--dynamic', 'none', '--size', '64', '--out', 'tiny.onnx']) == 0
    described = OnnxDetector('tiny.onnx').description
    assert described.checkpoint_sha256 == get_model_info(NAME).sha256


@pytest.mark.parametrize('words', [[NAME], ['light_unet_sirst3', NAME], ['--tta', *files()]])
def test_test(words, monkeypatch):
    given = []
    monkeypatch.setattr(mmseg_tools, '_run', lambda name, args, words: given.append(words) or 0)
    assert main(['test', *words]) == 0
    config, weights = given[0][:2]
    assert Path(config).stem == 'light_unet_sirst3'
    assert weights == files()[1]


def test_test_takes_options_between_config_and_weights(monkeypatch):
    given = []
    monkeypatch.setattr(mmseg_tools, '_run', lambda name, args, words: given.append(words) or 0)
    assert main(['test', 'simirstd_nudt', '--out', 'masks', 'weights.pth']) == 0
    assert given[0][1:] == ['weights.pth', '--out', 'masks']


def test_train(monkeypatch):
    from mmengine.runner import CheckpointLoader

    from mmirstd.checkpoints import load_checkpoint

    given = []
    monkeypatch.setattr(mmseg_tools, '_run', lambda name, args, words: given.append(words) or 0)
    assert main(['train', NAME]) == 0
    assert Path(given[0][0]).stem == 'light_unet_sirst3'
    # load_from=NAME, and the checkpoint of `mim test`
    by_name = CheckpointLoader.load_checkpoint(NAME, map_location='cpu')['state_dict']
    by_file = load_checkpoint(files()[1])['state_dict']
    assert by_name.keys() == by_file.keys()
    with pytest.raises(FileNotFoundError, match='Checkpoint absent does not exist'):
        CheckpointLoader.load_checkpoint('absent', map_location='cpu')


def test_models(capsys):
    assert main(['models', 'show', NAME]) == 0
    assert main(['models', 'download', NAME]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == files()[1]


def test_a_file_of_the_same_name_comes_first(tmp_path, monkeypatch):
    from mmirstd.checkpoints import load_checkpoint

    monkeypatch.chdir(tmp_path)
    Path(NAME).write_text('no weights')
    with pytest.raises(ValueError, match=f'Checkpoint {NAME} is'):
        load_checkpoint(NAME)


@pytest.mark.parametrize('command', ['export', 'test'])
def test_a_config_alone_is_wrong_usage(command, capsys):
    words = ['--out', 'x.onnx'] if command == 'export' else []
    with pytest.raises(SystemExit) as end:
        main([command, 'simirstd_nudt', *words])
    assert end.value.code == 2
    assert 'or give CONFIG WEIGHTS' in ' '.join(capsys.readouterr().err.split())


def test_a_described_folder_with_its_own_config(images, monkeypatch):
    info = get_model_info(NAME)
    fields = ('name', 'summary', 'size', 'parameters', 'macs', 'tile_size', 'trained_on', 'licence')
    content = {field: getattr(info, field) for field in fields}
    content |= {'config': 'own.py', 'file': info.weights_file().as_uri(), 'sha256': info.sha256}
    Path('model').mkdir()
    Path('model/model.json').write_text(json.dumps(content))
    Path('model/own.py').write_text("_base_ = 'mmirstd::light_unet_sirst3.py'\n")
    monkeypatch.setenv('MMIRSTD_CACHE', str(images / 'cache'))
    given = []
    monkeypatch.setattr(mmseg_tools, '_run', lambda name, args, words: given.append(words) or 0)
    assert main(['test', 'model']) == 0
    assert given[0][0] == 'model/own.py'
    assert Path(given[0][1]).is_file()
