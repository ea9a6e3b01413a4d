"""Reading many files at the same time, with the results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')


def usable_cores() -> int:
    """Number of cores that this process may use; a container or batch system may limit it."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None = None
) -> Iterator[Result]:
    """``function`` of each item, computed in several threads, in the order of the items.

    Suits the decoding of images, because OpenCV, Pillow and NumPy let other threads run. Only a few
    results are computed ahead, so that thousands of images do not fill the memory.

    Args:
        function: May run in several threads at once; its errors are raised in order, too.
        items: Read one by one, when they are needed.
        workers: Number of threads; None for one per usable core.
    """
    workers = workers or usable_cores()
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix='mmirstd-read') as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # an error, Ctrl-C, or a caller that stops early
            for future in waiting:
                future.cancel()
