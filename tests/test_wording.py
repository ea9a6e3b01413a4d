"""Numbers and their nouns agree, everywhere."""

import ast
import re
from pathlib import Path

import pytest

from mmirstd.wording import describe_names, format_count

ROOT = Path(__file__).resolve().parents[1]
NOT_ADJECTIVES = {
    'and', 'has', 'in', 'k', 'of', 'or', 'take', 'takes', 'to', 'with', 'writes'
}  # fmt: skip


def test_format_count():
    assert [format_count(n, 'image') for n in (0, 1, 2, 1234)] == [
        '0 images', '1 image', '2 images', '1,234 images'
    ]  # fmt: skip
    assert format_count(1, 'query', 'queries') == '1 query'
    assert format_count(3, 'image is', 'images are') == '3 images are'


def test_describe_names():
    assert describe_names('b', ['c', 'a'], 'see there') == 'there are a, c; see there'
    assert describe_names('b', [], 'see there') == 'see there'
    many = [f'model_{k}' for k in range(40)] + ['tiny', 'tophat_nudt']
    assert describe_names('Tinny', many, 'see there') == 'similar is tiny; see there'
    assert describe_names('nudt', many, 'see there') == 'similar is tophat_nudt; see there'
    assert describe_names('xyz', many, 'see there') == 'see there'


def counted_nouns(trees):
    """The plural nouns that some call of format_count writes."""
    nouns = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'format_count':
            words = [each.value for each in node.args[1:] if isinstance(each, ast.Constant)]
            if words:
                phrase = words[1] if len(words) > 1 else f'{words[0]}s'
                nouns |= {word for word in phrase.split() if word.endswith('s')}
    return nouns - {'has', 'is', 'was', 'does', 'as'}


def uncounted(tree, nouns):
    """Values of f-strings that a plural noun follows: they say "1 images" once in a while."""
    for string in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
        parts = string.values
        for before, value, after in zip([None, *parts], parts, parts[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            first, second = re.match(r' ?([a-z-]*) ?([a-z]*)', after.value).groups()
            is_counted = first in nouns or (second in nouns and first not in NOT_ADJECTIVES)
            is_counted = is_counted and after.value.startswith(' ')
            is_side = isinstance(before, ast.Constant) and before.value.endswith(' x ')
            is_constant = isinstance(value.value, ast.Name) and value.value.id.isupper()
            is_text = isinstance(value.value, ast.Call) and 'format_count' in ast.unparse(value)
            if is_counted and not is_side and not is_constant and not is_text:
                yield f'{value.lineno}: {ast.unparse(value.value)}{after.value[:40]!r}'


def test_a_number_and_a_plural_noun_are_found():
    nouns = {'images', 'targets'}
    bad = ["f'{n} images'", "f'{a[0]} images in'", "f'{len(a):,} false targets in'"]
    good = ["f'{n} x {m} images'", "f'{MOST} images'", "f'{format_count(n, word)} of images'"]
    good += ["f'{name} and targets'", "f'{name}s of images'"]
    assert [text for text in bad if not list(uncounted(ast.parse(text), nouns))] == []
    assert [text for text in good if list(uncounted(ast.parse(text), nouns))] == []


@pytest.mark.parametrize('folder', ['mmirstd', 'benchmarks', 'tools'])
def test_numbers_and_nouns_agree(folder):
    trees = {path: ast.parse(path.read_text()) for path in sorted((ROOT / folder).rglob('*.py'))}
    nouns = counted_nouns(ast.parse(path.read_text()) for path in (ROOT / 'mmirstd').rglob('*.py'))
    assert {'images', 'targets', 'entries'} <= nouns
    faults = [
        f'{path.relative_to(ROOT)}:{fault}'
        for path, tree in trees.items()
        for fault in uncounted(tree, nouns)
    ]
    assert not faults, '\n'.join(faults)
