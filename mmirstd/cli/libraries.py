"""Loading PyTorch and MMSegmentation, which takes seconds and is noisy."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable

from rich.console import Console

from mmirstd.io.held_warnings import hold, hold_warnings


def load_libraries(console: Console) -> Callable[[], None]:
    """Import MMSegmentation; what it prints and warns of goes to the log file, if there is one.

    Args:
        console: Shows what is waited for.

    Returns:
        A function that shows warnings on the screen again.
    """
    main_process = os.environ.get('RANK', '0') == '0'
    waiting = console.status('loading PyTorch and MMSegmentation')
    with waiting if main_process else contextlib.nullcontext():
        restore = hold_warnings()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            import mmirstd.registry  # noqa: F401 - checks the installed family first

            # isort: split
            import mmseg.datasets
            import mmseg.models  # noqa: F401
    for line in printed.getvalue().splitlines():
        hold(line)
    return restore
