"""The choice between ways to compute the same thing."""

import time

import pytest

from mmirstd.models.layers.tuning import fastest, forget_choices


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
    assert calls.count('slow') == calls.count('fast') == 3
    assert fastest('key', ways) == 'fast'
    assert len(calls) == 6, 'nothing is timed again'
    fastest('other key', ways)
    assert len(calls) == 12


def test_the_first_run_of_a_way_does_not_count() -> None:
    durations = iter([0.05, 0.0, 0.0])
    ways = {'warms up': lambda: time.sleep(next(durations)), 'even': lambda: time.sleep(0.01)}
    assert fastest('key', ways) == 'warms up'


def test_repeatable_choices_time_nothing(monkeypatch):
    forget_choices()
    monkeypatch.setenv('MMIRSTD_REPEATABLE', '1')
    ways = {name: lambda: pytest.fail('was timed') for name in ('direct', 'other')}
    assert fastest('key', ways) == 'direct'
    monkeypatch.setenv('MMIRSTD_REPEATABLE', '')
    calls = []
    assert fastest('key', {'only': lambda: calls.append(1)}) == 'only'
    assert calls
