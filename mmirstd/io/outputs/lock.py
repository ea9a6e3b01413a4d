"""Locks, so that only one process writes to a place at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from mmirstd.io.outputs.guard import StrPath

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def try_lock(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed or its process ends, even by a kill.

    Returns:
        False if another process holds the lock; True also if the system has no such locks.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


@contextlib.contextmanager
def locked_folder(folder: StrPath) -> Iterator[None]:
    """Hold the lock of an existing folder.

    Raises:
        FileExistsError: Another process holds it.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not try_lock(descriptor):
            raise FileExistsError(
                f'{folder}: another process is writing into this folder; wait for it or choose '
                'another folder'
            )
        yield
    finally:
        os.close(descriptor)
