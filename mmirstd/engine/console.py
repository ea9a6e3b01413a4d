"""A quiet terminal: the log lines of MMEngine go to the log file only.

The log file contains everything. The screen shows the lines of this package and of your own
code, warnings, and the output of :class:`mmirstd.engine.progress.ProgressHook`.
"""

from __future__ import annotations

import logging
import os
import sys
from types import FrameType

from mmengine.logging import MMLogger
from rich.console import Console
from rich.text import Text

VERBOSE = 'MMIRSTD_VERBOSE'
"""Environment variable that shows all log lines on the screen; `--verbose` sets it."""

_LIBRARIES = ('mmengine', 'mmcv', 'mmseg', 'mmpretrain', 'mmdet', 'timm', 'torch')
# Warnings of libraries about themselves, about which users of this package can do nothing.
_HARMLESS = (
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'The prefix is not set in metric class',
)


def verbose() -> bool:
    """Whether the user asked for all log lines on the screen."""
    return os.environ.get(VERBOSE, '') not in ('', '0')


def make_console() -> Console:
    """The terminal; 80 columns and no colours if the output is a file or a pipe."""
    console = Console(highlight=False)
    if not console.is_terminal and 'COLUMNS' not in os.environ:
        console = Console(highlight=False, width=80)
    return console


class ScreenHandler(logging.Handler):
    """Prints the lines of this package, of the user's own code, and warnings.

    Attributes:
        reports: Whether tables of scores are shown. In training they are written to the log file
            only, because the screen has one line per epoch.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self.console = console
        self.reports = False
        self.seen: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record if it is relevant for the user; print a repeated warning only once."""
        message = record.getMessage()
        if record.levelno >= logging.WARNING:
            if message in self.seen or message.startswith(_HARMLESS):
                return
            self.seen.add(message)
            serious = record.levelno >= logging.ERROR
            self._print(message, ('error: ', 'bold red') if serious else ('warning: ', 'yellow'))
            return
        source = _origin()
        if source.partition('.')[0] in _LIBRARIES:
            return
        if source.startswith('mmirstd.evaluation') and not self.reports:
            return
        self._print(message)

    def _print(self, message: str, label: tuple[str, str] | None = None) -> None:
        text = Text(message) if label is None else Text.assemble(label, message)
        self.console.print(text, soft_wrap=True)


def _origin() -> str:
    """Name of the module whose function logged the current record."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get('__name__', '')
        if name != __name__ and not name.startswith(('logging', 'mmengine.logging')):
            return name
        frame = frame.f_back
    return ''


def quieten(logger: MMLogger, console: Console) -> ScreenHandler:
    """Replace the handler by which a logger of MMEngine writes to the terminal.

    Args:
        logger: The logger. Its file handlers are not changed. A second call has no effect.
        console: Where the remaining lines are printed.
    """
    for handler in logger.handlers:
        if isinstance(handler, ScreenHandler):
            return handler
    screen = ScreenHandler(console)
    for place, handler in enumerate(logger.handlers):
        if type(handler) is logging.StreamHandler:
            screen.setLevel(handler.level)  # ERROR on all processes but the first
            logger.handlers[place] = screen
    return screen
