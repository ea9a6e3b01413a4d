"""Choose between equivalent computations by timing them once on the current machine.

The choices are stored in a file, so that only the first prediction on a machine measures. The
candidates agree to float accuracy, not in every digit. With ``MMIRSTD_REPEATABLE=1`` nothing is
timed and the first candidate is used, so all processes compute the same digits.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import torch

from mmirstd.io.folders import cache_folder
from mmirstd.io.outputs.atomic import write_atomically
from mmirstd.version import __version__

Name = TypeVar('Name', bound=Hashable)

SWITCH = 'MMIRSTD_KERNEL_CACHE'
"""Environment variable: 0 keeps the choices of this process only."""

_chosen: dict[Hashable, Any] = {}
_stored: dict[str, str] | None = None
"""Content of the file when it was last read or written: key -> name, both as strings."""


def fastest(
    key: Hashable, candidates: Mapping[Name, Callable[[], object]], *, rounds: int = 5
) -> Name:
    """Name of the fastest candidate, timed on the first call with ``key`` on this machine.

    Which of two kernels is faster depends on the processor and its caches, so no constant is right
    everywhere. Candidates should take milliseconds. Choices are kept in
    ``kernels-<machine>.json`` of the cache folder, one file per processor and version of PyTorch.
    ``MMIRSTD_KERNEL_CACHE=0`` turns that off; after deleting the file, the next call times again.

    Args:
        key: Everything that the choice depends on, such as shapes and the number of threads. Its
            ``repr`` must be the same in every process.
        candidates: Equivalent computations by name; the first one is used if choices must
            be repeatable.
        rounds: Timed rounds after a warm-up round; the shortest time of each candidate counts.
    """
    if os.environ.get('MMIRSTD_REPEATABLE'):
        return next(iter(candidates))
    if key not in _chosen:
        known = _known().get(repr(key))
        found = next((name for name in candidates if repr(name) == known), None)
        if found is None:
            found = _measured(candidates, rounds)
            _remember(repr(key), repr(found))
        _chosen[key] = found
    return _chosen[key]


def forget_choices() -> None:
    """Forget all choices, so that :func:`fastest` reads the file again, or times without one."""
    global _stored
    _chosen.clear()
    _stored = None


def choices_file() -> Path | None:
    """The file with the choices of this machine; None if they are not stored."""
    if os.environ.get(SWITCH, '1') == '0':
        return None
    return cache_folder() / f'kernels-{_machine()}.json'


def _measured(candidates: Mapping[Name, Callable[[], object]], rounds: int) -> Name:
    best = dict.fromkeys(candidates, float('inf'))
    for number in range(rounds + 1):
        for name, work in candidates.items():
            start = time.perf_counter()
            work()
            if number:
                best[name] = min(best[name], time.perf_counter() - start)
    return min(best, key=best.__getitem__)


def _known() -> dict[str, str]:
    global _stored
    if _stored is None:
        file = choices_file()
        _stored = {} if file is None else _read(file)
    return _stored


def _read(file: Path) -> dict[str, str]:
    """The content of the file; an empty dictionary if it is missing or damaged."""
    with suppress(OSError, ValueError):
        content = json.loads(file.read_text(encoding='utf-8'))
        if isinstance(content, dict):
            return {key: name for key, name in content.items() if isinstance(name, str)}
    return {}


def _remember(key: str, name: str) -> None:
    global _stored
    file = choices_file()
    if file is None:
        return
    # Another process may have written since. If two write at once, one loses a few choices, which
    # its next run times again.
    _stored = _read(file) | _known() | {key: name}
    with suppress(OSError):  # a read-only or full disk costs time, not the prediction
        write_atomically(file, json.dumps(_stored, indent=0, sort_keys=True), sync=False)


@functools.cache
def _machine() -> str:
    """A hash of everything besides the key that influences which kernel is the fastest."""
    facts = [
        __version__,
        platform.machine(),
        torch.__version__,
        torch.__config__.show(),
        _processor(),
    ]
    facts += [str(os.cpu_count()), torch.backends.cpu.get_cpu_capability(), sys.byteorder]
    return hashlib.sha256('\n'.join(facts).encode()).hexdigest()[:16]


def _processor() -> str:
    """Model and instruction sets of the processor, if the system provides them."""
    with suppress(OSError):
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
        wanted = 'model name', 'flags', 'Features', 'cache size', 'CPU part'
        return '\n'.join(sorted({line for line in lines if line.startswith(wanted)}))
    return platform.processor()
