"""The walk through the code names files that exist, in at most fifteen steps."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / 'docs/explanation/where_an_image_goes.md').read_text(encoding='utf-8')


def test_every_file_and_folder_of_the_walk_exists():
    paths = re.findall(r'`([\w./]+(?:\.py|/))`', PAGE)
    assert len(paths) > 15
    missing = [
        path for path in paths if not any((ROOT / at / path).exists() for at in ('', 'mmirstd'))
    ]
    assert missing == []


def test_the_walk_is_short_and_in_order():
    numbers = [int(number) for number in re.findall(r'^(\d+)\. ', PAGE, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert 10 <= len(numbers) <= 15


def test_the_order_of_the_rooms_is_that_of_the_contract():
    contract = (ROOT / '.importlinter').read_text(encoding='utf-8')
    layers = re.search(r'layers =\n((?:    .+\n)+)', contract)[1].splitlines()
    floor_of = {
        room: floor for floor, line in enumerate(layers) for room in re.findall(r'\w+', line)
    }
    sentence = re.search(r'form no\s+cycle: (.*?)\.', PAGE, re.DOTALL)[1]
    floors = [floor_of[room] for room in re.findall(r'`(\w+)`', sentence)]
    assert floors == sorted(floors)
    assert set(re.findall(r'`(\w+)`', sentence)) >= {
        room for room in floor_of if (ROOT / 'mmirstd' / room).is_dir()
    }
