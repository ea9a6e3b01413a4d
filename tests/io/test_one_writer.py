"""Nothing in the package writes files by itself: `mmirstd.io` does, with its guards."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATHS = sorted([*(ROOT / 'mmirstd').rglob('*.py'), *(ROOT / 'tools').glob('*.py')])
METHODS = {
    'write_text', 'write_bytes', 'imwrite', 'imwritemulti', 'VideoWriter', 'tofile', 'savetxt',
    'mkstemp', 'mkdtemp', 'NamedTemporaryFile', 'copyfile', 'copy2', 'move', 'symlink_to',
    'rename',
}  # fmt: skip
ALLOWED = {
    # OpenCV writes videos to a path itself; the guard, the check and the name are there, too.
    ('mmirstd/reporting/video.py', 'VideoWriter'),
    # Keys of a checkpoint.
    ('mmirstd/conversion/common.py', 'rename'),
    # Folders of the server, which it removes.
    ('mmirstd/reporting/demo_page.py', 'mkdtemp'),
    # Downloads into the cache, under a temporary name.
    ('mmirstd/weights/sources.py', 'open'),
    # Maintains files of the repository.
    ('tools/update_metafiles.py', 'write_text'),
}


def writes(tree):
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
        words = [*node.args, *(keyword.value for keyword in node.keywords)]
        modes = {
            word.value
            for word in words
            if isinstance(word, ast.Constant) and isinstance(word.value, str)
        }
        if getattr(getattr(node.func, 'value', None), 'id', '') == 'tarfile':
            continue  # into memory
        opens = name == 'open' and any(set(m) & set('wax') and len(m) <= 3 for m in modes)
        if name in METHODS or opens:
            yield name, node.lineno


def test_only_io_writes_files():
    found = []
    for path in PATHS:
        relative = path.relative_to(ROOT).as_posix()
        if relative.startswith('mmirstd/io/'):
            continue
        for name, line in writes(ast.parse(path.read_text())):
            if (relative, name) not in ALLOWED:
                found.append(f'{relative}:{line} {name}')
    assert not found


def test_the_search_finds_what_it_looks_for():
    code = "a.write_text('x'); open('f', 'w'); p.open(mode='ab'); cv2.imwrite('f', x); open('f')"
    assert sorted(name for name, _ in writes(ast.parse(code))) == [
        'imwrite', 'open', 'open', 'write_text'
    ]  # fmt: skip
