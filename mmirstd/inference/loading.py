"""Import MMSegmentation without its messages about parts that are not needed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

from mmirstd.io.held_warnings import hold, hold_warnings


def import_mmseg() -> Callable[[], None]:
    """Import MMSegmentation; its output and warnings go to the log file, if there is one.

    Returns:
        A function that shows warnings on the screen again.
    """
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
