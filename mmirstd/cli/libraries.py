"""Loading PyTorch and MMSegmentation, which takes seconds."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from rich.console import Console


def load_libraries(console: Console) -> Callable[[], None]:
    """Import MMSegmentation without its messages (:func:`mmirstd.inference.loading.import_mmseg`).

    Args:
        console: Shows what is waited for.

    Returns:
        A function that shows warnings on the screen again.
    """
    main_process = os.environ.get('RANK', '0') == '0'
    waiting = console.status('loading PyTorch and MMSegmentation')
    with waiting if main_process else contextlib.nullcontext():
        from mmirstd.inference.loading import import_mmseg

        return import_mmseg()
