"""The patterns of docs/reference/style.md that a search can find appear nowhere."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = ('.py', '.md', '.sh', '.toml', '.yml')
# Logs of runs say what was printed then.
LEFT_OUT = ('docs/results/', 'docs/reference/style.md', 'tests/docs/test_language.py')

PATTERNS = {
    r'\bstands? behind\b': 'come after',
    r'(?<![Tt]here )\b(?:is|are) no (?!longer\b|one\b|more\b|way\b|need\b|reason\b)[a-z_]+': (
        'is not a ..., are not ...'
    ),
    r'\bholds? no [a-z]': 'contains no',
    r'\bso many (?:pixels|images|samples|epochs|channels|batches|prompts|tokens)\b': (
        'the first n ..., every n-th ..., this many ...'
    ),
    r"\bof one's own\b": 'a custom ..., your own ...',
    r'\b(?:folders?|file|layout) of your own\b': 'your own ...',
    r'\bits likes?\b': 'similar',
    r'\brecipe a dataset\b': 'one config per dataset',
    r'\bspeaks? about it\b': 'matches it',
    r'\bfor want of\b': 'because ... is missing',
    r'\banew\b|\bafresh\b': 'again',
    r'\bin silence\b': 'silently',
    r'\bdearer\b': 'more expensive',
    r'\bwants?\b (?:a|an|the) ': 'needs',
    r'\bnobody\b': 'no one, or what is meant',
    r'\bproved to\b': 'verified to',
    r'\bWhat became of\b': 'Result of, outcome of',
    r'"""Refuse\.|: Likewise\b': 'a full sentence',
    r'\bLetters: ': 'Shapes: ',
    r'\b[Rr]ecipes?\b': 'config or schedule',
    r'\b[Bb]lobs?\b(?!:)': 'component',
    r'\b(?:the|of|no|and|exact) truth\b': 'ground truth',
    r'\b(?:[Tt]he|[Aa]|[Ee]ach|[Aa]ll|one|our|original|trained|infrared) networks?\b(?! access)': (
        'model'
    ),
    r'\b(?:told|tells?|telling) (?:\w+ )?apart\b': 'distinguish, recognise',
    r'\b(?:goes|went|gone) on (?:with|where|at|from|after)\b': 'continues',
    r'\b(?:seed|sample|process|prompt|page|name|column|mask|cache|limit|environment|folder|image|'
    r'target)s? of (?:its|their) own\b': 'its own ..., a separate ...',
    r'\bat hand\b': 'available, the current ...',
    r'\b(?:up|down)-sampl': 'upsample, downsample',
    r'\bbi-direction': 'bidirectional',
    r'\bback ends?\b': 'backend',
    r'\bdata sets?\b(?! (?:up|to))': 'dataset',
    r'\bcirculates\b': 'say whose it is',
    r'\bdoes not hold\b': 'does not contain',
    r'\b(?:is|was|are|were|be) asked for\b': 'is requested, is required',
    r'\b(?:is|are|was|were) (?:looked at|brought to|handed over|passed over)\b': (
        'is checked, resized, passed, skipped'
    ),
    r'\bone (?:line|row|name|view|sample|entry|target) an? (?!time\b)': 'one ... per ...',
}


def files() -> list[Path]:
    listed = subprocess.run(
        ['git', '-C', str(ROOT), 'ls-files'], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    if not listed:
        pytest.skip('not a git checkout')
    return [
        ROOT / name
        for name in listed
        if name.endswith(SUFFIXES) and not name.startswith(LEFT_OUT) and (ROOT / name).is_file()
    ]


def test_patterns_find_what_they_are_for():
    bad = [
        'must stand behind', 'is no tensor', 'holds no target', 'so many samples', "of one's own",
        'a folder of your own', 'or its likes', 'one recipe a dataset', 'does not speak about it',
        'for want of', 'matched anew', 'in silence', 'dearer', 'wants a step', 'nobody',
        'proved to compute', 'What became of one', '"""Refuse.', 'Letters: N batch', 'the recipe',
        'a blob', 'prediction and truth', 'the network', 'cannot be told apart', 'goes on where it',
        'a seed of its own', 'the processor at hand', 'up-sampled', 'bi-direction', 'back end',
        'the data set', 'it circulates', 'does not hold weights', 'weights were asked for',
        'is looked at once', 'is brought to the size', 'one line a target',
    ]  # fmt: skip
    good = [
        'There is no image',
        'there are no masks',
        'is no longer',
        'so many that',
        'proved it',
        'img-src blob: data',
        'run with the network access',
    ]
    assert [text for text in bad if not any(re.search(each, text) for each in PATTERNS)] == []
    assert [text for text in good if any(re.search(each, text) for each in PATTERNS)] == []


def test_language():
    found = []
    for path in files():
        for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), start=1):
            for pattern, better in PATTERNS.items():
                if match := re.search(pattern, line):
                    place = f'{path.relative_to(ROOT)}:{number}'
                    found.append(f'{place}: {match[0]!r}: write {better!r}')
    assert not found, '\n' + '\n'.join(found)
