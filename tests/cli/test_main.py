"""The command `mmirstd`: which sub-commands there are and what they have in common."""

import os
import re
import runpy
import subprocess
import sys
from importlib import metadata

import pytest

from mmirstd.cli.arguments.parser import EXIT_CODES
from mmirstd.cli.main import COMMANDS, build_full_parser, build_parser, load_command, main
from mmirstd.cli.stopping import run_tool
from mmirstd.cli.terminal import print_error
from mmirstd.version import __version__


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit, match='0'):
        main([])
    out = capsys.readouterr().out
    for name, summary in COMMANDS.items():
        assert re.search(rf'^  {name} +{re.escape(summary)}$', out, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 80


def test_version(capsys):
    with pytest.raises(SystemExit, match='0'):
        main(['--version'])
    assert capsys.readouterr().out == f'mmirstd {__version__}\n'


def test_an_unknown_command_is_wrong_usage(capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['trian'])
    assert "invalid choice: 'trian'" in capsys.readouterr().err


def test_python_m_mmirstd_is_the_same(capsys, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['mmirstd', '--version'])
    with pytest.raises(SystemExit, match='0'):
        runpy.run_module('mmirstd', run_name='__main__')
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize('name', COMMANDS)
def test_every_help_has_an_example_that_parses_and_fits_on_80_columns(name, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '80')
    with pytest.raises(SystemExit, match='0'):
        main([name, '--help'])
    out = capsys.readouterr().out
    assert out.startswith(f'usage: mmirstd {name}')
    if name != 'info':
        assert EXIT_CODES.strip() in out
    assert max(map(len, out.splitlines())) <= 100
    examples = re.findall(rf'^  mmirstd {name}(.*)$', out, re.MULTILINE)
    assert examples
    for example in examples:
        words = [word.strip('\'"') for word in example.split('>')[0].split()]
        load_command(name).build_parser().parse_args(words)


@pytest.mark.parametrize('name', ['train', 'test'])
def test_mim_does_not_find_its_own_options_in_the_help(name):
    """mim adds --gpus or --device when the help of a tool contains '--gpus'."""
    assert '--gpus' not in load_command(name).build_parser().format_help()


def test_one_parser_holds_all_commands():
    args = build_full_parser().parse_args(['train', 'simirstd_nudt', '--amp'])
    assert args.command == 'train'
    assert args.amp
    assert build_parser().parse_args(['train']).command == 'train'


@pytest.mark.parametrize('shell', ['bash', 'zsh', 'tcsh'])
def test_completion_knows_commands_and_options(shell, capsys):
    pytest.importorskip('shtab')
    assert main(['completion', shell]) == 0
    out = capsys.readouterr().out
    assert 'make-scenes' in out or 'models' in out
    assert 'cfg-options' in out


def test_completion_without_its_library_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'shtab', None)
    assert main(['completion', 'bash']) == 1
    assert "pip install 'mmirstd[completion]'" in capsys.readouterr().err


def test_the_console_script_is_declared():
    scripts = metadata.entry_points(group='console_scripts', name='mmirstd')
    if not scripts:
        pytest.skip('mmirstd is not installed, or was before it had a console script')
    assert {script.value for script in scripts} == {'mmirstd.cli.main:main'}


@pytest.mark.parametrize('words', [['models', 'list'], ['completion', 'bash']])
def test_a_reader_that_stops_early_is_no_fault(words):
    """As in `mmirstd models list | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run(
        [sys.executable, '-m', 'mmirstd', *words], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert (run.returncode, run.stderr) == (141, '')


def test_a_broken_pipe_to_something_else_is_still_an_error(capsys):
    def fail():
        raise BrokenPipeError('a worker has ended')

    with pytest.raises(BrokenPipeError, match='a worker'):
        run_tool(fail)
    print_error(BrokenPipeError('a worker has ended'))
    assert 'a worker has ended' in capsys.readouterr().err
