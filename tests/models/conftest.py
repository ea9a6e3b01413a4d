"""Parametrises inherited tests with what their class declares."""

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if 'fixture_name' in metafunc.fixturenames:
        metafunc.parametrize(
            'fixture_name',
            [
                pytest.param(name, marks=pytest.mark.slow) if fixture.slow else name
                for name, fixture in metafunc.cls.fixtures.items()
            ],
        )
