"""Choosing between ways to compute the same thing by timing them once on the machine at hand.

The ways agree to float accuracy, not in every digit. With ``MMIRSTD_REPEATABLE=1`` nothing is
timed and the first way is taken, so all processes compute the same digits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

Name = TypeVar('Name', bound=Hashable)

_chosen: dict[Hashable, Any] = {}


def fastest(
    key: Hashable, candidates: Mapping[Name, Callable[[], object]], *, rounds: int = 2
) -> Name:
    """Name of the fastest candidate, timed on the first call with ``key`` in this process.

    Which of two kernels is faster depends on the processor and its caches, so no constant is right
    everywhere; the candidates should take milliseconds.

    Args:
        key: What the choice depends on, such as shapes and the number of threads.
        candidates: Ways to compute the same thing, by name; the first is taken where choices must
            be repeatable.
        rounds: Timed rounds after one that warms up; the shortest time of each candidate counts.
    """
    if os.environ.get('MMIRSTD_REPEATABLE'):
        return next(iter(candidates))
    if key not in _chosen:
        best = dict.fromkeys(candidates, float('inf'))
        for number in range(rounds + 1):
            for name, work in candidates.items():
                start = time.perf_counter()
                work()
                if number:
                    best[name] = min(best[name], time.perf_counter() - start)
        _chosen[key] = min(best, key=best.__getitem__)
    return _chosen[key]


def forget_choices() -> None:
    """Let the next calls of :func:`fastest` time again, for example with another thread count."""
    _chosen.clear()
