"""Parametrises inherited tests with what their class declares."""

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if 'fixture_name' in metafunc.fixturenames:
        metafunc.parametrize('fixture_name', list(metafunc.cls.fixtures))
