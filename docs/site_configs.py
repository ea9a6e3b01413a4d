"""Hook of MkDocs: a table of the files that configs inherit, with what each says about itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BASES = Path(__file__).resolve().parents[1] / 'configs' / '_base_'
MARKER = '<!-- base configs -->'


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the tables where a page has the marker."""
    return markdown.replace(MARKER, '\n'.join(describe_bases(BASES)))


def describe_bases(folder: Path) -> Iterator[str]:
    """One table for each folder."""
    places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    for place in places:
        files = sorted(path for path in place.glob('*.py') if not path.name.startswith('__'))
        if files:
            yield from (f'| `{place.relative_to(folder.parent)}/` | |', '|---|---|')
            yield from (f'| `{path.name}` | {first_sentence(path)} |' for path in files)
            yield ''


def first_sentence(path: Path) -> str:
    """First sentence of the comment at the head of a config.

    Raises:
        ValueError: It has none.
    """
    lines = re.match(r'(?:#.*\n)+', path.read_text(encoding='utf-8'))
    if not lines:
        raise ValueError(f'{path} needs a comment at its head that says what it is for')
    comment = ' '.join(re.sub(r'^# ?', '', lines[0], flags=re.MULTILINE).split())
    return re.split(r'(?<=\.)\s', comment)[0].rstrip('.').replace('|', '\\|') + '.'
