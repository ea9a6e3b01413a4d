"""The folder for what can be downloaded or measured again."""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = 'MMIRSTD_CACHE'


def cache_folder() -> Path:
    """Where such files are kept: ``$MMIRSTD_CACHE``, or ``mmirstd`` in the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser()
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'mmirstd'
