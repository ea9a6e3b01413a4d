"""Old names of arguments, which work for one release and warn."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any


def rename_arguments(given: Mapping[str, Any], names: Mapping[str, str], where: str) -> dict:
    """Replace old names of arguments by their new ones.

    Args:
        given: Arguments by name.
        names: Old name -> new name.
        where: What takes the arguments, for messages.

    Returns:
        The arguments by their new names.

    Raises:
        TypeError: An argument is unknown, or given under both names.
    """
    result = {}
    for name, value in given.items():
        new = names.get(name, name)
        if new in result or (new != name and new in given):
            raise TypeError(f'{where}: {name} is the old name of {new}; give one of them')
        if new != name:
            warnings.warn(
                f'{where}: {name} is now called {new}; the old name goes with the next release',
                DeprecationWarning,
                stacklevel=3,
            )
        result[new] = value
    return result
