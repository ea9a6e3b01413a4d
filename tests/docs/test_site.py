"""The documentation as a site: navigation, generated pages, a build without a warning."""

import argparse
import importlib
import os
import re
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest
from documented import ROOT

DOCS = ROOT / 'docs'


def hook(name):
    pytest.importorskip('mkdocs', reason='the site is built on Python 3.11 and newer')
    return runpy.run_path(str(DOCS / f'site_{name}.py'))


def generated_pages():
    components = [f'reference/components/{page}.md' for page in hook('components')['PAGES']]
    notebooks = [path.relative_to(DOCS).with_suffix('.md') for path in DOCS.rglob('*.ipynb')]
    return [hook('commands')['PAGE'], *components, *(path.as_posix() for path in notebooks)]


def test_every_page_is_in_the_navigation():
    listed = re.findall(r'(\S+\.md)$', (ROOT / 'mkdocs.yml').read_text(), re.MULTILINE)
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob('*.md')]
    assert sorted(listed) == sorted(pages + generated_pages())


@pytest.mark.slow
def test_site_builds_without_a_warning(tmp_path):
    pytest.importorskip('mkdocs', reason='the site is built on Python 3.11 and newer')
    run = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(tmp_path / 'site')],
        cwd=ROOT,
        env=os.environ | {'PYTHONPATH': str(ROOT), 'NO_MKDOCS_2_WARNING': '1'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    page = (tmp_path / 'site/reference/python.html').read_text()
    for name in ('IRSTDInferencer.__call__', 'Detection.plot', 'ModelInfo', 'Scorer.compute'):
        assert name in page
    for page in (tmp_path / 'site').rglob('*.html'):
        loaded = re.findall(
            r'<(?:script|img|link rel="stylesheet")[^>]*https?://[^>]*>', page.read_text()
        )
        assert not loaded, f'{page} cannot be read offline'


def test_every_option_of_the_command_line_is_described():
    from mmirstd.cli.main import COMMANDS, build_full_parser

    parser = build_full_parser()
    text = '\n'.join(hook('commands')['describe_commands'](parser))
    commands = parser._subparsers._group_actions[0].choices
    assert set(commands) == set(COMMANDS)
    for name, one in commands.items():
        section = text.partition(f'## mmirstd {name}\n')[2].partition('\n## ')[0]
        shown = [each for each in one._actions if each.help != argparse.SUPPRESS]
        for option in (option for action in shown for option in action.option_strings):
            assert f'`{option}' in section or option in ('-h', '--help'), f'{name} {option}'
    assert '### mmirstd models show' in text
    assert '%(' not in text


def test_every_registered_component_has_its_place():
    from mmirstd import registry

    found = hook('components')['find_components'](ROOT / 'mmirstd')
    written = {path for items in found.values() for path, _, _ in items}
    nodes = [node for node in vars(registry).values() if isinstance(node, registry.root.Registry)]
    assert len(nodes) >= 12
    for node in nodes:
        node.import_from_location()
        for component in node.module_dict.values():
            # Other tests register further parts.
            if component.__module__.startswith('mmirstd.'):
                assert f'{component.__module__}.{component.__name__}' in written
    for path in written:
        module, _, name = path.rpartition('.')
        assert hasattr(importlib.import_module(module), name)
    assert all(summary for items in found.values() for _, _, summary in items)


def test_configs_to_inherit_say_what_they_are_for(tmp_path):
    tables = '\n'.join(hook('configs')['describe_bases'](ROOT / 'configs/_base_'))
    assert '| `simirstd_lite.py` | SimIRSTD lite, our own design' in tables
    (tmp_path / 'silent.py').write_text('model = dict()\n')
    with pytest.raises(ValueError, match=r'silent\.py needs a comment'):
        list(hook('configs')['describe_bases'](tmp_path))


def test_links_out_of_the_site_become_text():
    rewrite = runpy.run_path(str(DOCS / 'site_links.py'))['on_page_markdown']
    known = {'weights.md', 'images/a.png'}
    files = SimpleNamespace(get_file_from_path=lambda path: path if path in known else None)
    page = SimpleNamespace(file=SimpleNamespace(src_uri='model_cards/x.md'))
    text = '[config](../../configs/a.py) [weights](../weights.md#there) ![a](../images/a.png)'
    expected = 'config [weights](../weights.md#there) ![a](../images/a.png)'
    assert rewrite(text, page=page, files=files) == expected
