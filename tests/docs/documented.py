"""Running the commands of a documentation page as they are written."""

import re
import runpy
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r'^```(bash|python)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
FILE = re.compile(r'# file: (\S+)\n')


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
            for line in text.strip().splitlines():
                run_command(line, monkeypatch)


def run_command(line, monkeypatch):
    program, tool, *words = shlex.split(line)
    assert program == 'python'
    assert not set('|&;<>$`') & set(line), f'this is more than a plain command: {line}'
    monkeypatch.setattr(sys, 'argv', [tool, *words])
    code = 0
    try:
        runpy.run_path(str(ROOT / tool), run_name='__main__')
    except SystemExit as end:
        code = end.code
    assert not code, f'{line} ended with {code}'
