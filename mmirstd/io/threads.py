"""Reading many files at once, with the results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')


def usable_cores() -> int:
    """Cores that this process may use, which a container or batch system may limit."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def map_in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int | None = None
) -> Iterator[Result]:
    """``function`` of each item, computed on several cores, in the order of the items.

    Threads share the work, which pays where it is decoding of images: OpenCV, Pillow and NumPy let
    other threads run meanwhile. At most a few results wait to be taken, so thousands of images
    never fill the memory.

    Args:
        function: May run in several threads at once.
        items: Read one after the other, as they are needed.
        workers: Threads; None takes one per usable core.

    Raises:
        Exception: What ``function`` raises, when its turn comes.
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
