import argparse
import hashlib
import json

import pytest
from bright_model import scene, write_models

from mmirstd.cli.arguments.models import add_models, load_model, name_models

BRIGHT, BLIND = (['--model', 'bright.py', f'{name}.pth'] for name in ('bright', 'blind'))


def named(*words: str) -> dict[str, list[str]]:
    parser = argparse.ArgumentParser()
    add_models(parser)
    return name_models(parser, parser.parse_args(words))


def test_names_are_those_of_the_weights_or_as_given():
    files = [BRIGHT[1:], BLIND[1:], ['a/lite.onnx']]
    both = (*BRIGHT, '--onnx', 'a/lite.onnx', *BLIND)
    assert named(*both) == dict(zip(('bright', 'blind', 'lite'), files, strict=True))
    assert list(named(*both, '--names', 'x', 'y', 'z')) == ['x', 'y', 'z']
    assert named(*BRIGHT, *BRIGHT) == {'1: bright': BRIGHT[1:], '2: bright': BRIGHT[1:]}


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ([], 'give at least one --model or --onnx'),
        ([*BRIGHT, '--names', 'a', 'b'], '--names gives 2 names to 1 model'),
        ([*BRIGHT, *BLIND, '--names', 'a', 'a'], '--names gives a name twice: a a'),
        (['--model', 'absent'], "--model absent: no weights are called 'absent'"),
        (['--model', 'a', 'b', 'c'], '--model takes NAME or CONFIG WEIGHTS, not 3 words'),
    ],
)
def test_wrong_usage(words, message, capsys):
    with pytest.raises(SystemExit) as exit_info:
        named(*words)
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err


def test_a_described_model_is_one_word(tmp_path):
    (tmp_path / 'weights.pth').write_bytes(b'weights')
    content = {
        'name': 'tiny', 'summary': '', 'config': 'simirstd_nudt', 'file': 'weights.pth',
        'sha256': hashlib.sha256(b'weights').hexdigest(), 'size': 7, 'parameters': 1, 'macs': 1.0,
        'tile_size': 256, 'trained_on': '', 'licence': '',
    }  # fmt: skip
    (tmp_path / 'model.json').write_text(json.dumps(content))
    files = ['simirstd_nudt', str(tmp_path / 'weights.pth')]
    assert named('--model', str(tmp_path)) == {tmp_path.name: files}


def test_each_model_is_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_models()
    targets = {
        name: len(load_model(files, 'cpu', threshold=0.4)(scene())[0].targets)
        for name, files in named(*BRIGHT, *BLIND).items()
    }
    assert targets == {'bright': 2, 'blind': 0}
