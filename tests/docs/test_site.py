"""mkdocs.yml lists every page; `mkdocs build --strict` checks the links themselves."""

import re
import runpy
from types import SimpleNamespace

from documented import ROOT

DOCS = ROOT / 'docs'


def test_every_page_is_in_the_navigation():
    listed = re.findall(r'(\S+\.md)$', (ROOT / 'mkdocs.yml').read_text(), re.MULTILINE)
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob('*.md')]
    assert sorted(listed) == sorted(pages)


def test_links_out_of_the_site_become_text():
    rewrite = runpy.run_path(str(DOCS / 'site_links.py'))['on_page_markdown']
    known = {'weights.md', 'images/a.png'}
    files = SimpleNamespace(get_file_from_path=lambda path: path if path in known else None)
    page = SimpleNamespace(file=SimpleNamespace(src_uri='model_cards/x.md'))
    text = '[config](../../configs/a.py) [weights](../weights.md#there) ![a](../images/a.png)'
    expected = 'config [weights](../weights.md#there) ![a](../images/a.png)'
    assert rewrite(text, page=page, files=files) == expected
