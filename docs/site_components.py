"""Hook of MkDocs: one page for each kind of registered component, found in the source."""

import ast
from collections import defaultdict
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]

PAGES = {
    'backbones': ('Backbones', 'models/backbones/'),
    'heads': ('Heads and necks', 'models/decode_heads/', 'models/necks/'),
    'segmentors': ('Segmentors', 'models/segmentors/', 'models/semantic_sam/'),
    'losses': ('Losses', 'models/losses/'),
    'datasets': ('Datasets and samplers', 'datasets/'),
    'transforms': ('Transforms', 'datasets/transforms/'),
    'metrics': ('Metrics', 'evaluation/'),
    'engine': (
        'Hooks, optimisers, runner',
        'engine/',
        'visualization/',
        'models/initialisers.py',
    ),
    'distillation': ('Distillation', 'distillation/'),
}
"""File -> title and where its components are; the longest match counts."""

HEAD = """\
# {title}

For everyone who writes a config. Write `type='mmirstd.NAME'`; the arguments are the keys beside
`type`. This page is made from the source.

| component | what it is |
|---|---|
{table}
"""

ITEM = """
::: {path}
    options:
      members: false
"""


def find_components(package: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Page -> (import path, name, first line of the docstring) of what is registered.

    Raises:
        ValueError: A component is in a folder that no page lists.
    """
    found = defaultdict(list)
    for path in sorted(package.rglob('*.py')):
        for node in ast.parse(path.read_text(encoding='utf-8')).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and is_registered(node):
                inside = path.relative_to(package)
                parts = [package.name, *inside.with_suffix('').parts, node.name]
                summary = (ast.get_docstring(node) or '').partition('\n')[0]
                found[page_of(inside.as_posix())].append(('.'.join(parts), node.name, summary))
    return dict(found)


def is_registered(node: ast.ClassDef | ast.FunctionDef) -> bool:
    """Whether a decorator puts it into a registry."""
    calls = (each.func for each in node.decorator_list if isinstance(each, ast.Call))
    return any(isinstance(call, ast.Attribute) and call.attr == 'register_module' for call in calls)


def page_of(inside: str) -> str:
    """Page that a file of the package belongs to."""
    matches = {
        folder: page
        for page, (_, *folders) in PAGES.items()
        for folder in folders
        if inside.startswith(folder)
    }
    if not matches:
        raise ValueError(f'{inside} registers a component: give its folder a page in {__file__}')
    return matches[max(matches, key=len)]


def on_files(files: Any, *, config: Any) -> Any:
    """Add the pages to the site."""
    for page, components in find_components(ROOT / 'mmirstd').items():
        rows = (f'| [`{name}`][{path}] | {summary} |' for path, name, summary in components)
        text = HEAD.format(title=PAGES[page][0], table='\n'.join(rows))
        text += ''.join(ITEM.format(path=path) for path, _, _ in components)
        files.append(File.generated(config, f'reference/components/{page}.md', content=text))
    return files
