"""Clean ends of programs that Ctrl-C or a scheduler stops.

Exit codes are those of the shell: 128 plus the number of the signal, 130 for Ctrl-C, 143 for
SIGTERM, and 141 (SIGPIPE) where the reader of the output has ended, as in ``mmirstd ... | head``.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ('SIGINT', 'SIGTERM', 'SIGHUP') if hasattr(signal, name)
)
"""What users, schedulers and closed terminals send."""

_UNREAD = 141


class Stopped(BaseException):
    """A signal arrived; not an `Exception`, so that only :func:`run_tool` handles it.

    Attributes:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Stop:
    """Whether a loop is to end, because a signal has arrived.

    Attributes:
        number: Number of the signal; None before one arrives.
    """

    number: int | None = None

    @property
    def requested(self) -> bool:
        """Whether to end."""
        return self.number is not None

    @property
    def name(self) -> str:
        """Name of the signal, such as ``'SIGTERM'``; empty without one."""
        return '' if self.number is None else signal.Signals(self.number).name

    @property
    def exit_code(self) -> int:
        """Exit code of the program; 0 without a signal."""
        return 0 if self.number is None else 128 + self.number


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Let a loop finish its current item: the first signal is noted, the second one raises.

    Raises:
        Stopped: A second signal arrived.
    """
    stop = Stop()

    def note(number: int, _: FrameType | None) -> None:
        if stop.requested:
            raise Stopped(number)
        stop.number = number

    with _handled(note):
        yield stop


def run_tool(main: Callable[[], int]) -> int:
    """Run a program so that a signal unwinds it: temporary files are removed, others closed.

    Characters that the terminal cannot show are printed as escapes instead of ending the program.

    Returns:
        The result of ``main``, or 128 plus the number of the signal; 141 if no program reads the
        output any more.
    """

    def end(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    try:
        with _handled(end):
            code = main()
            sys.stdout.flush()
            return code
    except BrokenPipeError:
        if not is_output_unread():
            raise
        # Otherwise Python complains when it flushes the rest at the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _UNREAD
    except Stopped as stopped:
        print(f'stopped by {stopped}; complete files are kept', file=sys.stderr)
        return 128 + stopped.number


def is_output_unread() -> bool:
    """Whether the program that reads standard output has ended, such as ``head``."""
    try:
        sys.stdout.flush()
        file = sys.stdout.fileno()
    except BrokenPipeError:
        return True
    except (OSError, ValueError):  # not a file, as in a notebook
        return False
    if not hasattr(select, 'poll'):
        return False
    poll = select.poll()
    poll.register(file, select.POLLOUT)
    return any(event & select.POLLERR for _, event in poll.poll(0))


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Install a handler, except for signals that the program was started to ignore (nohup)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
