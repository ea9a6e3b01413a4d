"""Commands of the documentation: finding them, running them as they are written, parsing them."""

import argparse
import glob
import re
import runpy
import shlex
import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r'^```(bash|python)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
FILE = re.compile(r'# file: (\S+)\n')
PROGRAM = r'(?:mmirstd|mim|python tools/[\w.]+|python -m (?:mmirstd|benchmarks)[\w.]*)(?![^\s`])'
LINE = re.compile(rf'^({PROGRAM}.*)$', re.MULTILINE)
INDENTED = re.compile(rf'^(?: {{4}}|#  +)({PROGRAM}.*)$', re.MULTILINE)
INLINE = re.compile(rf'`({PROGRAM}[^`]*)`')


def blocks(page):
    """(kind, text) of every bash and python block of a page in docs/."""
    found = BLOCK.findall((ROOT / 'docs' / page).read_text())
    assert found
    return found


def run_page(page, monkeypatch):
    """Run all blocks in order in the current folder, python ones in one namespace.

    A python block that begins with ``# file: NAME`` is saved under that name instead.
    """
    namespace = {'__name__': '__page__'}
    for kind, text in blocks(page):
        named = FILE.match(text)
        if named:
            path = Path(named[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text[named.end() :])
        elif kind == 'python':
            exec(compile(text, page, 'exec'), namespace)
        else:
            for line in re.sub(r'\\\n\s*', '', text).strip().splitlines():
                run_command(line, monkeypatch)


def run_command(line, monkeypatch):
    """Run ``mmirstd ...`` or ``python tools/NAME.py ...`` in this process; it must succeed."""
    from mmirstd.cli.main import main

    program, *words = shlex.split(line, comments=True)
    words = [name for word in words for name in expand(word, line)]
    assert program in ('mmirstd', 'python')
    assert not set('|&;<>$`') & set(line.partition(' #')[0]), f'not a plain command: {line}'
    code = 0
    try:
        if program == 'mmirstd':
            code = main(words)
        else:
            tool, *words = words
            monkeypatch.setattr(sys, 'argv', [tool, *words])
            runpy.run_path(str(ROOT / tool), run_name='__main__')
    except SystemExit as end:
        code = end.code
    assert not code, f'{line} ended with {code}'


def expand(word, line):
    """What a shell makes of a word with a star, unless it is quoted."""
    if '*' not in word or f'"{word}"' in line:
        return [word]
    return sorted(glob.glob(word)) or [word]


def find_commands(text):
    """(command, whether it is complete) of a page or of the comments of a config.

    Commands within a sentence may name only what the sentence is about.
    """
    joined = re.sub(r'\\\n(?:\s|#)*', '', text)
    shells = [block for kind, block in BLOCK.findall(joined) if kind == 'bash']
    prose = re.sub(r'^```.*?^```$', '', joined, flags=re.MULTILINE | re.DOTALL)
    for command in (*LINE.findall('\n'.join(shells)), *INDENTED.findall(prose)):
        yield command.strip(), True
    for command in INLINE.findall(re.sub(r'\n(?:# )?\s*', ' ', prose)):
        if '...' not in command and ' ' in command:
            yield command.strip(), False


class ParsedError(Exception):
    """The words were understood."""


def parse_command(command, complete=True):
    """Let the parser of the program read the words; ValueError where it does not understand."""
    program, *words = shlex.split(command, comments=True)
    with _parse_only():
        try:
            if program == 'mim':
                _parse_mim(words, complete)
            elif words[0] == '-m':
                name = words[1]
                if name == 'mmirstd':
                    _parse_mmirstd(words[2:], complete)
                else:
                    _run(f'-m {name}', words[2:], complete)
            elif program == 'python':
                _run(words[0], words[1:], complete)
            else:
                _parse_mmirstd(words, complete)
        except SystemExit as end:
            raise ValueError(f'{command}: not understood') from end


def _parse_mmirstd(words, complete):
    from mmirstd.cli.main import COMMANDS, load_command

    if words[0].startswith('-'):
        if words[0] not in ('--help', '--version'):
            raise ValueError(f'mmirstd has no {words[0]}')
        return
    if words[0] not in COMMANDS and words[0].isupper():
        return  # a placeholder
    if words[0] not in COMMANDS:
        raise ValueError(f'mmirstd has no command {words[0]}')
    if complete or len(words) > 2:
        with mock.patch.object(sys, 'argv', [f'mmirstd {words[0]}', *words[1:]]):
            _parse(load_command(words[0]).build_parser(), words[1:], complete)


def _parse_mim(words, complete):
    """mim hands unknown words to the tool of the package that it is told."""
    import mmirstd.stack

    action, *words = words
    if action not in ('train', 'test'):
        assert action in ('search', 'run', 'download', 'install'), action
        return
    if words and words[0] in ('mmsegmentation', 'mmirstd'):
        words = words[1:]
    elif complete:
        raise ValueError(f'mim {action} needs the name of a package')
    gpus = words.index('--gpus') if '--gpus' in words else None
    if gpus is not None:
        del words[gpus : gpus + 2]
    if action == 'test' and '--checkpoint' in words:
        place = words.index('--checkpoint')
        words = [words[0], words[place + 1], *words[1:place], *words[place + 2 :]]
    _run(str(mmirstd.stack.mmseg_tool(action)), words, complete)


def _run(tool, words, complete):
    with mock.patch.object(sys, 'argv', [tool, *words]), mock.patch.object(sys, 'path', sys.path):
        _PARSING['complete'] = complete
        try:
            if tool.startswith('-m '):
                runpy.run_module(tool[3:], run_name='__main__')
            else:
                runpy.run_path(str(ROOT / tool), run_name='__main__')
        except ParsedError:
            return
        finally:
            _PARSING['complete'] = True
    raise AssertionError(f'{tool} has no argparse parser')


_PARSING = {'complete': True}
_parse_args = argparse.ArgumentParser.parse_args


def _parse(parser, words, complete):
    if complete:
        return _parse_args(parser, words)
    known = {option for action in parser._actions for option in action.option_strings}
    for word in words:
        if word.startswith('--') and word.partition('=')[0] not in known:
            raise ValueError(f'{parser.prog} has no option {word}')
    return None


def _parse_only():
    def parse_args(parser, args=None, namespace=None):
        _parse(parser, sys.argv[1:] if args is None else args, _PARSING['complete'])
        raise ParsedError

    names = ('parse_args', 'parse_intermixed_args')
    return mock.patch.multiple(argparse.ArgumentParser, **dict.fromkeys(names, parse_args))
