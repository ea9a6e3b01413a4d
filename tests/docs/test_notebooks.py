"""The cells of the notebooks print and show what was saved with them."""

import contextlib
import io
import json
import re
import sys
from types import ModuleType

import pytest
from documented import ROOT
from test_site import hook

NOTEBOOKS = sorted((ROOT / 'docs').rglob('*.ipynb'))
NUMBER = re.compile(r'\d+(?:\.\d+)?')


@pytest.mark.slow
@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_cells_give_their_outputs(path, tmp_path, monkeypatch):
    shown = []
    module = ModuleType('IPython.display')
    module.display = shown.append
    monkeypatch.setitem(sys.modules, 'IPython', ModuleType('IPython'))
    monkeypatch.setitem(sys.modules, 'IPython.display', module)
    monkeypatch.chdir(tmp_path)
    namespace = {'__name__': '__notebook__'}
    for cell in json.loads(path.read_text())['cells']:
        if cell['cell_type'] != 'code':
            continue
        printed = io.StringIO()
        shown.clear()
        with contextlib.redirect_stdout(printed):
            exec(compile(''.join(cell['source']), path.name, 'exec'), namespace)
        outputs = cell['outputs']
        saved = ''.join(''.join(one['text']) for one in outputs if one['output_type'] == 'stream')
        assert NUMBER.sub('0', printed.getvalue()).split() == NUMBER.sub('0', saved).split()
        numbers = [list(map(float, NUMBER.findall(text))) for text in (printed.getvalue(), saved)]
        # Another processor may move a pixel at the edge of a target.
        assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=1)
        assert len(shown) == sum('image/png' in one.get('data', {}) for one in outputs)


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_page_of_a_notebook(path):
    notebook = json.loads(path.read_text())
    describe = hook('notebooks')['describe_notebook']
    page = '\n\n'.join(describe(notebook, path.name))
    codes = [''.join(c['source']) for c in notebook['cells'] if c['cell_type'] == 'code']
    assert all(f'```python\n{code}\n```' in page for code in codes)
    assert page.count('<img alt') >= 1
    assert 'site-packages' not in json.dumps(notebook)
    notebook['cells'][2]['execution_count'] = None
    with pytest.raises(ValueError, match='not executed'):
        list(describe(notebook, path.name))
