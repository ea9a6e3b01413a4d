"""The choice between ways to compute the same thing."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmirstd.models.layers import tuning
from mmirstd.models.layers.tuning import choices_file, fastest, forget_choices


@pytest.fixture(autouse=True)
def no_choices() -> None:
    forget_choices()
    yield
    forget_choices()


def test_the_fastest_is_found_once_for_a_key() -> None:
    calls = []
    ways = {
        'slow': lambda: (calls.append('slow'), time.sleep(0.02)),
        'fast': lambda: calls.append('fast'),
    }
    assert fastest('key', ways) == 'fast'
    assert calls.count('slow') == calls.count('fast') == 6
    assert fastest('key', ways) == 'fast'
    assert len(calls) == 12, 'nothing is timed again'
    fastest('other key', ways)
    assert len(calls) == 24


def test_the_first_run_of_a_way_does_not_count() -> None:
    durations = iter([0.05, *[0.0] * 5])
    ways = {'warms up': lambda: time.sleep(next(durations)), 'even': lambda: time.sleep(0.01)}
    assert fastest('key', ways) == 'warms up'


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file in which choices are kept, in a folder that does not exist yet."""
    monkeypatch.delenv(tuning.SWITCH)
    monkeypatch.setenv('MMIRSTD_CACHE', str(tmp_path / 'cache'))
    return choices_file()


def ways(calls: list[str]) -> dict[tuple[int, bool], object]:
    return {
        (8, False): lambda: (calls.append('slow'), time.sleep(0.01)),
        (8, True): lambda: calls.append('fast'),
    }


def test_the_next_process_does_not_time_again(kept: Path) -> None:
    calls: list[str] = []
    assert fastest(('key', 1), ways(calls)) == (8, True)
    assert kept.parent.is_dir()
    calls.clear()
    forget_choices()  # what a new process knows
    assert fastest(('key', 1), ways(calls)) == (8, True)
    assert not calls
    assert fastest(('key', 2), ways(calls)) == (8, True)
    assert calls, 'another key has another answer'
    assert len(json.loads(kept.read_text())) == 2


def test_another_process_reads_the_same_file(kept: Path) -> None:
    fastest('key', ways([]))
    program = """
from mmirstd.models.layers.tuning import fastest
def fail():
    raise SystemExit('timed again')
print(fastest('key', {(8, False): fail, (8, True): fail}))
"""
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == '(8, True)'


@pytest.mark.parametrize(
    'damage',
    [b'', b'{"\'key\'": ', b'\xff\xfe\x00', b'[1, 2]', b'{"\'key\'": 7}', b'{"\'key\'": "gone"}'],
)
def test_a_damaged_file_is_replaced(kept: Path, damage: bytes) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_bytes(damage)
    assert fastest('key', ways([])) == (8, True)
    assert json.loads(kept.read_text()) == {"'key'": '(8, True)'}


def test_choices_of_another_process_are_kept(kept: Path) -> None:
    fastest('first', ways([]))
    others = json.loads(kept.read_text()) | {"'other'": '(8, False)'}
    kept.write_text(json.dumps(others))
    fastest('second', ways([]))
    assert set(json.loads(kept.read_text())) == {"'first'", "'other'", "'second'"}


def test_a_folder_that_cannot_be_written_costs_time_only(
    kept: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / 'file').write_text('not a folder')
    monkeypatch.setenv('MMIRSTD_CACHE', str(tmp_path / 'file'))
    assert fastest('key', ways([])) == (8, True)


def test_the_switch_turns_it_off(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"'key'": '(8, False)'}))
    assert fastest('key', ways([])) == (8, False), 'the file is believed'
    forget_choices()
    monkeypatch.setenv(tuning.SWITCH, '0')
    assert choices_file() is None
    assert fastest('key', ways([])) == (8, True)
    assert json.loads(kept.read_text()) == {"'key'": '(8, False)'}


def test_another_machine_has_another_file(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('_processor', 'torch'):
        tuning._machine.cache_clear()
        with monkeypatch.context() as patch:
            if name == 'torch':
                patch.setattr(tuning.torch, '__version__', '99.0')
            else:
                patch.setattr(tuning, '_processor', lambda: 'another processor')
            assert choices_file() != kept
    tuning._machine.cache_clear()
    assert choices_file() == kept


def test_repeatable_choices_time_nothing(monkeypatch):
    forget_choices()
    monkeypatch.setenv('MMIRSTD_REPEATABLE', '1')
    ways = {name: lambda: pytest.fail('was timed') for name in ('direct', 'other')}
    assert fastest('key', ways) == 'direct'
    monkeypatch.setenv('MMIRSTD_REPEATABLE', '')
    calls = []
    assert fastest('key', {'only': lambda: calls.append(1)}) == 'only'
    assert calls
