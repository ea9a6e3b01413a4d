import argparse

import pytest
from bright_network import scene, write_networks

from mmirstd.cli.network_arguments import (
    add_network_arguments,
    load_network,
    named_networks,
)

BRIGHT, BLIND = (['--model', 'bright.py', f'{name}.pth'] for name in ('bright', 'blind'))


def named(*words: str) -> dict[str, list[str]]:
    parser = argparse.ArgumentParser()
    add_network_arguments(parser)
    return named_networks(parser, parser.parse_args(words))


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
        ([*BRIGHT, '--names', 'a', 'b'], '--names gives 2 names to 1 networks'),
        ([*BRIGHT, *BLIND, '--names', 'a', 'a'], '--names gives a name twice: a a'),
    ],
)
def test_wrong_usage(words, message, capsys):
    with pytest.raises(SystemExit) as exit_info:
        named(*words)
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err


def test_each_network_is_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_networks()
    targets = {
        name: len(load_network(files, 'cpu', threshold=0.4)(scene())[0].targets)
        for name, files in named(*BRIGHT, *BLIND).items()
    }
    assert targets == {'bright': 2, 'blind': 0}
