"""Hook of MkDocs: a page for each notebook, with the outputs that it was saved with."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

DOCS = Path(__file__).resolve().parent


def on_files(files: Any, *, config: Any) -> Any:
    """Add the pages; the notebooks themselves stay, for download."""
    for path in sorted(DOCS.rglob('*.ipynb')):
        notebook = json.loads(path.read_text(encoding='utf-8'))
        text = '\n\n'.join(describe_notebook(notebook, path.name))
        place = path.relative_to(DOCS).with_suffix('.md').as_posix()
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """On the site, links to a notebook lead to its page."""
    return markdown.replace('.ipynb)', '.md)')


def describe_notebook(notebook: dict, name: str) -> Iterator[str]:
    """Markdown of all cells.

    Raises:
        ValueError: A cell was not executed, failed, or has an output of an unknown kind.
    """
    for cell in notebook['cells']:
        text = ''.join(cell['source'])
        if cell['cell_type'] == 'markdown':
            yield text
            continue
        if cell['execution_count'] is None:
            raise ValueError(f'{name}: a cell was not executed: {text}')
        yield f'```python\n{text}\n```'
        for output in cell['outputs']:
            yield describe_output(output, name)
    yield f'<a href="{name}" download>Download this page as a notebook</a>'


def describe_output(output: dict, name: str) -> str:
    """One output: printed text or a picture."""
    picture = output.get('data', {}).get('image/png')
    if picture:
        data = picture.replace('\n', '')
        return f'<img alt="output of the cell above" src="data:image/png;base64,{data}">'
    if output.get('name') == 'stdout':
        return '```text\n' + ''.join(output['text']).rstrip() + '\n```'
    raise ValueError(f'{name}: output of an unknown kind: {str(output)[:200]}')
