"""Ending a program in order when Ctrl-C or a scheduler stops it.

Exit codes are those of the shell: 128 plus the number of the signal, 130 for Ctrl-C and 143 for
SIGTERM.
"""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ('SIGINT', 'SIGTERM', 'SIGHUP') if hasattr(signal, name)
)
"""What users, schedulers and closed terminals send."""


class Stopped(BaseException):
    """A signal arrived; not an `Exception`, so nothing but :func:`run_tool` handles it.

    Attributes:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Stop:
    """Whether a signal asked a loop to end.

    Attributes:
        number: Of the signal; None as long as there was none.
    """

    number: int | None = None

    @property
    def requested(self) -> bool:
        """Whether to end."""
        return self.number is not None

    @property
    def name(self) -> str:
        """Of the signal, such as ``'SIGTERM'``."""
        return '' if self.number is None else signal.Signals(self.number).name

    @property
    def exit_code(self) -> int:
        """What the program returns; 0 without a signal."""
        return 0 if self.number is None else 128 + self.number


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Let a loop finish the item in work: the first signal is noted, the second one raises.

    Raises:
        Stopped: At a second signal.
    """
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.requested:
            raise Stopped(number)
        stop.number = number

    with _handled(note):
        yield stop


def run_tool(main: Callable[[], int]) -> int:
    """Run a program so that a signal unwinds it: temporary files are removed, others closed.

    Names of files that the terminal cannot show are printed with escapes instead of ending it.

    Returns:
        What ``main`` returned, or 128 plus the number of the signal.
    """

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        raise Stopped(number)

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    try:
        with _handled(end):
            return main()
    except Stopped as stopped:
        print(f'stopped by {stopped}; files that were complete are kept', file=sys.stderr)
        return 128 + stopped.number


@contextlib.contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Install a handler, except for signals that the program was started to ignore (nohup)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
