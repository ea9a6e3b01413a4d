"""Old names of arguments and flags, which work for one release with a warning.

Everything that is renamed in the public interface goes through here: keyword arguments and keys of
configs through `accept_old_arguments`, flags through `add_old_flag`, names of modules that moved
through `find_old_names`.
"""

from __future__ import annotations

import argparse
import functools
import sys
import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from importlib import import_module
from inspect import signature
from typing import Any, NamedTuple, TypeVar

Decorated = TypeVar('Decorated', bound=Callable)


class Renamed(NamedTuple):
    """A new name whose values also changed, or new names of some values.

    Attributes:
        name: The new name. The old one again means that only values have new names.
        values: Old value -> new value.
    """

    name: str
    values: Mapping[Any, Any]


def accept_old_arguments(**names: str | Renamed) -> Callable[[Decorated], Decorated]:
    """Let a function, or the constructor of a class, take keyword arguments by old names.

    Args:
        **names: Old name -> new name, or what :class:`Renamed` says.

    Returns:
        A decorator for the function or class. Calls by new names behave as before.
    """

    def decorate(target: Decorated) -> Decorated:
        function = target.__init__ if isinstance(target, type) else target

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if kwargs.keys() & names.keys():
                positional = dict(zip(signature(function).parameters, args, strict=False))
                kwargs = rename_arguments(kwargs, names, target.__qualname__, positional)
            return function(*args, **kwargs)

        if not isinstance(target, type):
            return call  # type: ignore[return-value]
        target.__init__ = call  # type: ignore[misc]
        return target

    return decorate


def rename_arguments(
    given: Mapping[str, Any],
    names: Mapping[str, str | Renamed],
    where: str,
    others: Container[str] = (),
) -> dict[str, Any]:
    """Replace old names of arguments by their new ones.

    Args:
        given: Arguments by name.
        names: Old name -> new name, or what :class:`Renamed` says.
        where: Name of the function or class, for messages.
        others: New names that already have a value.

    Returns:
        The arguments by their new names.

    Raises:
        TypeError: An argument is given under both names.
        ValueError: The old argument never accepted this value.
    """
    result = {}
    for old, value in given.items():
        if old not in names:
            result[old] = value
            continue
        renamed = _entry(names[old])
        if renamed.name == old:
            result[old] = _new_value(f'{where}: {old}=', value, renamed.values, 4)
            continue
        if renamed.name in given or renamed.name in result or renamed.name in others:
            raise TypeError(f'{where}: {old} is the old name of {renamed.name}; give one of them')
        if renamed.values and value not in renamed.values:
            options = ' or '.join(map(repr, renamed.values))
            raise ValueError(f'{where}: {old}={value!r} must be {options}; see {renamed.name}')
        result[renamed.name] = renamed.values.get(value, value) if renamed.values else value
        new = f'{renamed.name}={result[renamed.name]!r}' if renamed.values else renamed.name
        _warn(f'{where}: {old} is now called {new}', 3)
    return result


def find_old_names(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module whose names have moved.

    Args:
        module: Name of the old module.
        names: Old name -> new module and name, such as ``'mmirstd.models.features.FeatureMaps'``.
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f'module {module!r} has no attribute {name!r}')
        _warn(f'{module}.{name} is now called {names[name]}', 2)
        at, _, new = names[name].rpartition('.')
        return getattr(import_module(at), new)

    return find


def add_old_flag(
    parser: Any, flag: str, action: argparse.Action, values: Mapping[str, Any] | None = None
) -> None:
    """Let a command line take a flag by its old name, which its help does not show.

    Args:
        parser: Parser or group of arguments.
        flag: Old flag, e.g. ``'--mask-tail'``.
        action: The result of ``add_argument`` for the new flag.
        values: Old value -> new value, if the old flag had different values.
    """
    parser.add_argument(
        flag,
        action=_OldFlag,
        renamed=action,
        values=values,
        dest=action.dest,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
        nargs=None if values else action.nargs,
        type=None if values else action.type,
        choices=list(values) if values else action.choices,
    )


def accept_old_values(flag: str, values: Mapping[str, str]) -> Callable[[str], str]:
    """A ``type`` for `argparse` that takes values of a flag by their old names.

    Args:
        flag: The flag, for messages.
        values: Old value -> new value.
    """
    return lambda text: _new_value(f'{flag} ', text, values, 2)


class _OldFlag(argparse.Action):
    def __init__(
        self, *args: Any, renamed: argparse.Action, values: Mapping[str, Any] | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.renamed, self.values = renamed, values

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store the value as the new flag does."""
        new = self.renamed.option_strings[0]
        if self.values is None:
            self.renamed(parser, namespace, values, new)
        else:
            value = self.values[str(values)]
            setattr(namespace, self.dest, value)
            if value is False:
                new = f'--no-{new[2:]}'
        _warn(f'{parser.prog}: {option_string} is now called {new}', stacklevel=3)


def _entry(entry: str | Renamed) -> Renamed:
    return entry if isinstance(entry, Renamed) else Renamed(entry, {})


def _new_value(where: str, value: Any, values: Mapping[Any, Any], stacklevel: int) -> Any:
    if value not in values:
        return value
    _warn(f'{where}{value} is now called {values[value]}', stacklevel)
    return values[value]


def _warn(text: str, stacklevel: int) -> None:
    with warnings.catch_warnings():
        if not sys.warnoptions:  # Python hides this category outside of __main__, configs are built
            warnings.simplefilter('default')  # deep inside of MMEngine, and flags by argparse
        warnings.warn(
            f'{text}; the old name will be removed in the next release',
            DeprecationWarning,
            stacklevel=stacklevel + 1,
        )
